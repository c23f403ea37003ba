//! Arguments of `hookline listen`.

use std::path::PathBuf;

use clap::Args;
use hookline_domain::outbound::TypePattern;
use reqwest::Url;

use super::values::StoreArg;

/// Arguments of `hookline listen`.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Store, as in `demo.myshopify.com`.
    pub store: StoreArg,
    /// Address of your handler. Without it, events are only printed.
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub forward: Option<Url>,
    /// Types of events, as in `order.created` or `product.*`, separated by commas. Without them, all.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub types: Vec<TypePattern>,
    /// Secret that your handler checks signatures with, `whsec_…`. Without it, a new one is made and printed.
    #[arg(long, value_name = "SECRET", env = "HOOKLINE_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
    /// File that holds a token with the role admin. Without it, the token is in `HOOKLINE_TOKEN`.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Base URL of the stack's API.
    #[arg(
        long,
        value_name = "URL",
        env = "API_URL",
        hide_env_values = true,
        help_heading = "Resources of the stack"
    )]
    pub api_url: Option<String>,
}

pub fn web_address(text: &str) -> Result<Url, String> {
    let unclear = || "not an address, as in http://localhost:3000/webhooks".to_owned();
    let url: Url = text.parse().map_err(|_| unclear())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(unclear()),
    }
}

pub const LISTEN: &str = "\
Sends each event to your handler as a signed webhook, once: what fails is printed and not sent again. \
Redirects are not followed, and an answer must begin within 10 seconds. Only what happens while it \
runs is seen. After a break it connects again and says so; events of the break are not sent, and \
`hookline event list STORE --from TIME` lists them. So it does with the few that the stack gave up \
sending, because a connection was too slow. Nothing else that listens to the store is affected. \
Ctrl-C ends it; status 1 says that some event was not answered with success.

The token is read from HOOKLINE_TOKEN or a file, because every process of the machine can read \
arguments. `make dev` prints the API's address and a token of the local stack.

Examples:
  export HOOKLINE_TOKEN=\"$(hookline token create --role admin --store demo.myshopify.com --expires 1d)\"
  hookline listen demo.myshopify.com --forward http://localhost:3000/webhooks
  hookline listen demo.myshopify.com --forward http://localhost:3000/webhooks --types 'product.*,order.created'
  hookline listen demo.myshopify.com --json";
