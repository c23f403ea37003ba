//! Listeners, and looks at a store with them: one `BatchGetItem` of the store's own item and the one of listeners to all
//! stores. Needs `dynamodb:BatchGetItem`.

use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    store::{
        listening::{Audience, BUS, Listener, Listeners, Listening},
        stores::Look,
    },
};
use hookline_events::Resource;
use hookline_tables::{Item, stores as items};

use super::{Bus, DynamoStores};
use crate::failure;

impl Listeners for DynamoStores {
    async fn listening(&self, to: Audience<'_>) -> Result<Listening, PortError> {
        Ok(self
            .table
            .find(key(to), items::read_listening)
            .await?
            .unwrap_or_default())
    }

    async fn replace(&self, to: Audience<'_>, before: &Listening, after: &Listening) -> Result<bool, PortError> {
        // Another version of this code may write the same listeners as another text.
        let text = self.table.find(key(to), |item| {
            let text = item.find_text("listening").map(str::to_owned);
            Ok((items::read_listening(item)?, text))
        });
        let (known, text) = text.await?.unwrap_or_default();
        if known != *before {
            return Ok(false);
        }
        let update =
            items::replace_listening(to, text.as_deref(), after).map_err(|error| self.table.unwritable(error))?;
        Ok(self.table.update_once(update).await?.is_written())
    }
}

fn key(of: Audience<'_>) -> Item {
    match of {
        Audience::Store(store) => items::key(store),
        Audience::All => items::everybody_key(),
    }
}

/// Looks at a store. Adds the operator's bus to the listeners to all stores if it has come, and removes it if it has gone:
/// whoever handles a delivery has looked before, so nothing is handled while the listeners say otherwise.
pub(super) async fn look(stores: &DynamoStores, store: &StoreKey, bus: Bus) -> Result<Look, PortError> {
    let look = read(stores, store).await?;
    if look.all.has(BUS) == bus.is_there {
        return Ok(look);
    }
    let now = (bus.now)();
    let after = if bus.is_there {
        let listener = Listener {
            resources: (Resource::ALL.into_iter())
                .filter(|resource| *resource != Resource::Delivery)
                .collect(),
            until: None,
        };
        look.all.widened(BUS, &listener, now)
    } else {
        look.all.narrowed(BUS, now)
    };
    if stores.replace(Audience::All, &look.all, &after).await? {
        return Ok(Look { all: after, ..look });
    }
    // Somebody else has just changed them.
    let look = read(stores, store).await?;
    if look.all.has(BUS) == bus.is_there {
        Ok(look)
    } else {
        Err(failure::in_part(
            stores.table.port,
            "the listeners to all stores are being changed",
        ))
    }
}

async fn read(stores: &DynamoStores, store: &StoreKey) -> Result<Look, PortError> {
    let table = &stores.table;
    let mut look = Look::default();
    for item in table.find_all([items::key(store), items::everybody_key()]).await? {
        if items::is_everybody(&item) {
            look.all = items::read_listening(&item).map_err(|malformed| table.malformed(malformed))?;
        } else {
            look.record = table.read(Some(item), items::read_record)?;
        }
    }
    Ok(look)
}
