//! [`Records`]: the ledger as a person reads it. Needs `dynamodb:GetItem` and, to search, `dynamodb:Scan`, which no
//! function has.

use hookline_domain::{
    delivery::ledger::{Cursor, LedgerRecord, Problem, RecordPage, Records},
    kernel::{
        ids::{DeliveryId, DeliveryKey, EventId, Source, StoreKey, StoreName, Topic},
        port::{Cause, PortError},
    },
};

use super::{DynamoLedger, PORT, read_entry};
use crate::{
    attributes::{Item, Malformed, find_micros, read_micros, read_text, text},
    failure,
    find::find,
};

impl Records for DynamoLedger {
    async fn find(&self, delivery: &DeliveryKey) -> Result<Option<LedgerRecord>, PortError> {
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(delivery.to_string()));
        find(PORT, wanted, read_record).await
    }

    async fn search(&self, id: &DeliveryId, after: Option<Cursor>) -> Result<RecordPage, PortError> {
        let start = after.map(|Cursor(pk)| Item::from([("pk".to_owned(), text(pk))]));
        let page = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("contains(#pk, :id)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":id", text(format!("#{id}")))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let mut found = Vec::new();
        for item in page.items() {
            let record = read_record(item).map_err(|malformed| failure::of_ours(PORT, malformed))?;
            // The text may also be the beginning of a store's or a topic's name.
            if record.delivery.id.as_str().starts_with(id.as_str()) {
                found.push(record);
            }
        }
        let after = page.last_evaluated_key().map(|key| read_text(key, "pk"));
        Ok(RecordPage {
            found,
            looked_at: usize::try_from(page.scanned_count()).unwrap_or_default(),
            after: after
                .transpose()
                .map_err(|malformed| failure::of_ours(PORT, malformed))?
                .map(|pk| Cursor(pk.to_owned())),
        })
    }
}

fn read_record(item: &Item) -> Result<LedgerRecord, Malformed> {
    let fate = item
        .contains_key("fate")
        .then(|| read_text(item, "fate")?.parse().map_err(|_| Malformed::new("fate")));
    let event_id = item
        .contains_key("event_id")
        .then(|| EventId::new(read_text(item, "event_id")?).map_err(|_| Malformed::new("event_id")));
    Ok(LedgerRecord {
        delivery: read_delivery(read_text(item, "pk")?).ok_or_else(|| Malformed::new("pk"))?,
        entry: read_entry(item)?,
        claimed_at: read_micros(item, "claimed_at_us")?,
        settled_at: find_micros(item, "settled_at_us")?,
        fate: fate.transpose()?,
        problem: item.contains_key("problem").then(|| read_problem(item)).transpose()?,
        event_id: event_id.transpose()?,
    })
}

/// No part of a key can hold its separator.
fn read_delivery(pk: &str) -> Option<DeliveryKey> {
    let mut parts = pk.split('#');
    let delivery = DeliveryKey {
        store: StoreKey {
            source: Source::new(parts.next()?).ok()?,
            store: StoreName::new(parts.next()?).ok()?,
        },
        topic: Topic::new(parts.next()?).ok()?,
        id: DeliveryId::new(parts.next()?).ok()?,
    };
    parts.next().is_none().then_some(delivery)
}

fn read_problem(item: &Item) -> Result<Problem, Malformed> {
    let fields = item
        .get("problem")
        .and_then(|problem| problem.as_m().ok())
        .ok_or_else(|| Malformed::new("problem"))?;
    Ok(Problem {
        at: read_micros(fields, "at_us")?,
        code: serde_json::from_value(read_text(fields, "code")?.into()).map_err(|_| Malformed::new("code"))?,
        // One that only a later version of this code knows reads as none.
        cause: read_text(fields, "cause").ok().and_then(Cause::named),
        message: read_text(fields, "message")?.to_owned(),
    })
}
