//! OpenSearch beside this process: `osmem-server`, a static binary that keeps everything in memory.

use std::{process::Stdio, time::Duration};

use hookline_aws::{Aws, OpenSearchConfig, OpenSearchIndex, Patience, Signing};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::emulator::sdk_config;

/// The variable that names the binary.
const BINARY: &str = "OSMEM_SERVER";

const START: Duration = Duration::from_secs(20);

/// A running `osmem-server` of one's own. It is killed when this is dropped, and ends by itself when this process
/// dies, for it watches its standard input.
#[derive(Debug)]
pub struct Osmem {
    url: String,
    _process: Child,
    _stdin: ChildStdin,
    _stdout: BufReader<ChildStdout>,
}

impl Osmem {
    /// Starts it on a free port and waits until it says that it listens.
    ///
    /// # Panics
    /// When `OSMEM_SERVER` does not name the binary: a search test that is skipped looks like one that has passed.
    pub async fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
        let binary = std::env::var_os(BINARY)
            .unwrap_or_else(|| panic!("{BINARY} does not say where osmem-server is: run make test"));
        let mut process = Command::new(binary)
            .args(["-addr", "127.0.0.1:0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{BINARY} cannot be started ({error}): run make test"));
        let stdin = process.stdin.take().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        // One line of JSON, once it listens.
        let mut line = String::new();
        tokio::time::timeout(START, stdout.read_line(&mut line))
            .await
            .expect("osmem-server did not start in time")
            .unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("osmem-server did not say where it listens");
        Self {
            url: ready["url"].as_str().unwrap().to_owned(),
            _process: process,
            _stdin: stdin,
            _stdout: stdout,
        }
    }

    /// Where it listens, as in `OPENSEARCH_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The index `hookline`, which is not there before something is written to it.
    pub async fn index(&self) -> OpenSearchIndex {
        Self::index_at(&self.url).await
    }

    /// The same behind another address.
    pub async fn index_at(url: &str) -> OpenSearchIndex {
        let config = OpenSearchConfig {
            url: url.to_owned(),
            index: "hookline".to_owned(),
            signing: Signing::None,
            replicas: None,
        };
        let aws = Aws::with_config(sdk_config(url).await, Patience::Consumer);
        aws.index(&config).unwrap()
    }
}
