//! `hookline store`: stores are made known, listed, shown, taken out.

mod add;
mod given;
mod install;
mod list;
mod remove;
mod show;

use anyhow::Result;

pub use self::list::all;
use crate::{args::store::Store, output::Output, places::Connected};

pub async fn run(places: &Connected, out: &Output, command: Store) -> Result<bool> {
    match command {
        Store::Add(wanted) => add::run(places, out, &wanted).await,
        Store::List => list::run(places, out).await,
        Store::Show { store, audit_table } => show::run(places, out, &store.0, audit_table.as_ref()).await,
        Store::Remove {
            store,
            yes,
            receivers,
            admin,
            index,
        } => {
            let wanted = remove::Wanted {
                store: &store.0,
                yes,
                admin: &admin,
                index: &index,
                receivers: &receivers,
            };
            remove::run(places, &wanted).await
        }
    }
}
