//! Configuration of the function that serves the panel.

use hookline_lambda::config::{FromEnvironment, Reader};

/// Configuration of the function that serves the panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelConfig {
    /// `LAMBDA_TASK_ROOT`, which Lambda sets: the function's folder. Without it, the executable's folder is used.
    pub task_root: Option<String>,
    /// `LIVE_URL`; without it, the page may connect only to the API.
    pub live_url: Option<String>,
    /// `SHOPIFY_CLIENT_ID`; without it, no site may frame the page, not even Shopify's admin.
    pub client_id: Option<String>,
}

impl FromEnvironment for PanelConfig {
    fn take(reader: &mut Reader<'_>) -> Self {
        Self {
            task_root: reader.optional("LAMBDA_TASK_ROOT"),
            live_url: reader.optional("LIVE_URL"),
            client_id: reader.optional("SHOPIFY_CLIENT_ID"),
        }
    }
}
