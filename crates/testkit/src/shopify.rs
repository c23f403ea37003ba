//! Shopify beside this process: `hookline_local.shopify`, which implements Shopify's real schema. All tests of a
//! program share one, because each test creates its own shop.

use std::{path::Path, process::Output, sync::OnceLock};

use serde_json::Value;

use crate::{
    http,
    python::{PYTHON, Server, python},
};

/// Client id of the local Shopify's app.
pub const CLIENT_ID: &str = "hookline-local";
/// Client secret of the local Shopify's app.
pub const CLIENT_SECRET: &str = "hush";

/// A local Shopify process. Ends with this process, because it watches its standard input.
#[derive(Debug)]
pub struct LocalShopify {
    address: String,
    _server: Server,
}

impl LocalShopify {
    /// Returns the instance that all tests of this program share; the first call starts it, on a free port.
    ///
    /// # Panics
    /// If `LOCAL_SHOPIFY_PYTHON` does not name the emulators' Python, because a skipped test would look like one that
    /// has passed.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<LocalShopify> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let mut command = python();
        let (server, line) =
            Server::start(command.args(["-m", "hookline_local.shopify", "--port", "0", "--stdin-watch"]));
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("the local Shopify did not start: it printed {line:?}"));
        Self {
            address: address.to_owned(),
            _server: server,
        }
    }

    /// URL template of stores, as in `SHOPIFY_ADMIN_URL`.
    pub fn admin_url(&self) -> String {
        format!("http://{}/{{store}}", self.address)
    }

    /// Calls the control interface, described in its README.
    ///
    /// # Panics
    /// If the call fails.
    pub async fn control(&self, shop: &str, action: &str, arguments: Value) -> Value {
        let path = format!("/_control/{shop}/{action}");
        http::call(&self.address, "POST", &path, &arguments.to_string()).await
    }
}

/// Checks GraphQL documents against Shopify's schema; returns the output of the check.
///
/// # Panics
/// If `LOCAL_SHOPIFY_PYTHON` does not name the emulators' Python.
pub fn check_documents<'a>(documents: impl IntoIterator<Item = &'a Path>) -> Output {
    python()
        .args(["-m", "hookline_local.shopify.check"])
        .args(documents)
        .output()
        .unwrap_or_else(|error| panic!("{PYTHON} failed to start ({error}): run make test"))
}
