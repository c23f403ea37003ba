//! OpenSearch beside this process: `osmem-server`, a static binary that holds everything in memory.

use std::{process::Stdio, time::Duration};

use hookline_aws::{Aws, OpenSearchConfig, OpenSearchIndex, Signing, Timeouts};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::emulator::sdk_config;

/// Environment variable with the path of the binary.
const BINARY: &str = "OSMEM_SERVER";

const START: Duration = Duration::from_secs(20);

/// An `osmem-server` process. Killed on drop; ends when this process dies, because it watches its standard
/// input.
#[derive(Debug)]
pub struct Osmem {
    url: String,
    _process: Child,
    _stdin: ChildStdin,
    _stdout: BufReader<ChildStdout>,
}

impl Osmem {
    /// Starts the process on a free port and waits until it listens.
    ///
    /// # Panics
    /// If `OSMEM_SERVER` does not name the binary, because a skipped search test would look like one that has passed.
    pub async fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
        let binary = std::env::var_os(BINARY)
            .unwrap_or_else(|| panic!("{BINARY} is not set to the path of osmem-server: run make test"));
        let mut process = Command::new(binary)
            .args(["-addr", "127.0.0.1:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{BINARY} failed to start ({error}): run make test"));
        let stdin = process.stdin.take().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        // The server prints one line of JSON once it listens.
        let mut line = String::new();
        tokio::time::timeout(START, stdout.read_line(&mut line))
            .await
            .expect("osmem-server did not start in time")
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("osmem-server did not print its address");
        Self {
            url: ready["url"].as_str().unwrap().to_owned(),
            _process: process,
            _stdin: stdin,
            _stdout: stdout,
        }
    }

    /// URL of the server, as in `OPENSEARCH_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The index `hookline`, which does not exist before the first write.
    pub async fn index(&self) -> OpenSearchIndex {
        Self::index_at(&self.url).await
    }

    /// The index `hookline` of a server at another address.
    pub async fn index_at(url: &str) -> OpenSearchIndex {
        let config = OpenSearchConfig {
            url: url.to_owned(),
            index: "hookline".to_owned(),
            signing: Signing::None,
            replicas: None,
        };
        let aws = Aws::with_config(sdk_config(url).await, Timeouts::Queue);
        aws.index(&config).unwrap()
    }
}
