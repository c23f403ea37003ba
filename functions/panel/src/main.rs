//! Serves the panel: `GET /` and `GET /assets/{asset}`, from the folder `public` beside this program.

use std::process::ExitCode;

use hookline_lambda::{Environment, PanelConfig, panel::Panel, serve, start};

fn main() -> ExitCode {
    start("panel", async {
        let config = PanelConfig::read(&Environment::of_this_process())?;
        serve(Panel::new(&config)?).await
    })
}
