//! What the function that serves the panel is told.

use hookline_lambda::config::{ConfigError, Environment, Reader};

/// What the function that serves the panel is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelConfig {
    /// `LAMBDA_TASK_ROOT`, which Lambda sets: the function's own folder. Without it, the folder of the executable.
    pub task_root: Option<String>,
    /// `LIVE_URL`; without it the page may connect to nothing but the API.
    pub live_url: Option<String>,
    /// `SHOPIFY_CLIENT_ID`; without it nobody may frame the page, not even Shopify's admin.
    pub client_id: Option<String>,
}

impl PanelConfig {
    /// Reads it.
    ///
    /// # Errors
    /// None so far: nothing of it is needed.
    pub fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let reader = Reader::new(environment);
        let config = Self {
            task_root: reader.optional("LAMBDA_TASK_ROOT"),
            live_url: reader.optional("LIVE_URL"),
            client_id: reader.optional("SHOPIFY_CLIENT_ID"),
        };
        reader.finish(config)
    }
}
