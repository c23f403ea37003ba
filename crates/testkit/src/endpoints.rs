//! Webhook endpoints that misbehave, beside this process: `hookline_local.endpoints`. All tests of a program share one server,
//! because each takes an instance of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    http,
    python::{Server, python},
};

/// Name for which the certificates of the server are made.
pub const HOST: &str = "hooks.example.com";

/// A process that plays endpoints. Ends with this process, because it watches its standard input.
#[derive(Debug)]
pub struct LocalEndpoints {
    control: String,
    _server: Server,
}

/// Folder of the server's certificates; `root.pem` is their issuer.
fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/endpoints/certificates")
}

impl LocalEndpoints {
    /// Returns the instance that all tests of this program share; the first call starts it, on free ports.
    ///
    /// # Panics
    /// If `LOCAL_SHOPIFY_PYTHON` does not name the emulators' Python, because a skipped test would look like one that
    /// has passed.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<LocalEndpoints> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let mut command = python();
        let (server, line) = Server::start(
            command
                .args([
                    "-m",
                    "hookline_local.endpoints",
                    "--until-stdin-closes",
                    "--certificates",
                ])
                .arg(certificates()),
        );
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the endpoints printed {line:?}"));
        let control = ready["control"].as_str().unwrap().trim_start_matches("http://");
        Self {
            control: control.to_owned(),
            _server: server,
        }
    }

    /// Certificate of the issuer of the server's certificates, in PEM.
    pub fn root() -> Vec<u8> {
        std::fs::read(certificates().join("root.pem")).unwrap()
    }

    /// All behaviours, as `hookline_local/endpoints/README.md` describes them.
    pub async fn behaviours(&self) -> Vec<Value> {
        let rows = self.call("GET", "/behaviours", "").await;
        rows["behaviours"].as_array().or(rows.as_array()).unwrap().clone()
    }

    /// Sets parameters of one instance of a behaviour.
    pub async fn set(&self, behaviour: &str, instance: &str, parameters: &Value) {
        let path = format!("/behaviours/{behaviour}/{instance}");
        self.call("POST", &path, &parameters.to_string()).await;
    }

    /// Requests to a path and below it, as soon as there are `least`.
    pub async fn requests(&self, path: &str, least: usize) -> Vec<Value> {
        let path = format!("/requests?path={path}&at_least={least}&within=30");
        let seen = self.call("GET", &path, "").await;
        seen["requests"].as_array().unwrap().clone()
    }

    /// Returns once no connection to an instance of a behaviour is open.
    pub async fn closed(&self, behaviour: &str, instance: &str) {
        let name = format!("{behaviour}/{instance}");
        loop {
            let connections = self.call("GET", "/connections", "").await;
            if connections["by_instance"][&name]["open"].as_u64().unwrap_or_default() == 0 {
                return;
            }
        }
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Value {
        http::call(&self.control, method, path, body).await
    }
}

/// Address on loopback of a behaviour's URL.
pub fn address(behaviour: &Value) -> SocketAddr {
    let url = behaviour["url"].as_str().unwrap();
    let authority = url.split('/').nth(2).unwrap();
    let port = authority.rsplit_once(':').unwrap().1;
    SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
}
