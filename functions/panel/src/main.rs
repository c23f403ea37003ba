//! Serves the panel: `GET /` and `GET /assets/{asset}`, from the folder `public` beside the executable.

use std::process::ExitCode;

use hookline_api::{PanelConfig, panel::Panel};
use hookline_lambda::{Environment, FromEnvironment, serve, start};

fn main() -> ExitCode {
    start("panel", async {
        let config = PanelConfig::read(&Environment::of_this_process())?;
        serve(Panel::new(&config)?).await
    })
}
