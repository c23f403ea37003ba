//! `hookline store`: adds, lists, shows and removes stores.

mod add;
mod credential;
mod install;
mod list;
mod remove;
mod show;

use anyhow::Result;

pub use self::list::all;
use crate::{args::store::StoreCommand, output::Output, resources::Resources};

pub async fn run(resources: &Resources, out: &Output, command: StoreCommand) -> Result<bool> {
    match command {
        StoreCommand::Add(args) => add::run(resources, out, &args).await,
        StoreCommand::List => list::run(resources, out).await,
        StoreCommand::Show { store, audit_table } => show::run(resources, out, &store.0, audit_table.as_ref()).await,
        StoreCommand::Remove {
            store,
            yes,
            receivers,
            admin,
            index,
        } => {
            let args = remove::RemoveRequest {
                store: &store.0,
                yes,
                admin: &admin,
                index: &index,
                receivers: &receivers,
            };
            remove::run(resources, &args).await
        }
    }
}
