//! [`FailedDeliveries`] in the store's item collection. One item for each:
//!
//! | attribute | | |
//! |---|---|---|
//! | `topic`, `id` | S | its name among those of its store |
//! | `subject` | S | its subject: JSON |
//! | `failed_us`, `code`, `message` | N, S, S | the last try: when, and why it failed |
//! | `received_us` | N | when the receiver got it |
//! | `tries` | N | how often it has been tried |
//! | `parked` | BOOL | whether it cannot be applied as it is |
//! | `redriven_us` | N | when a person moved it back, if it has not been tried since |
//! | `receipt` | S | the queue's receipt of the last try |
//!
//! It is written with the note in the ledger's entry in one transaction, so that it is there only where the entry holds a problem.
//!
//! It does not expire: it waits for a person even when the queue has removed the message.

use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use hookline_domain::{
    delivery::{
        failed::{COUNTED, FailedDeliveries, FailedDelivery, FailedDeliveryList},
        ledger::{NoteOutcome, Problem},
    },
    kernel::{
        ids::{DeliveryKey, StoreKey},
        port::{Cause, PortError},
    },
};
use jiff::Timestamp;

use super::{DynamoStores, FAILED_PREFIX, PORT, read_json};
use crate::{
    attributes::{Item, Malformed, find_micros, micros, number, read_flag, read_micros, read_number, read_text, text},
    condition::unless_refused,
    failure,
    find::find,
    ledger::Note,
    transaction::{self, Transacted},
};

impl FailedDeliveries for DynamoStores {
    async fn remember(&self, failed: &FailedDelivery) -> Result<NoteOutcome, PortError> {
        let ledger = (self.ledger.as_deref()).ok_or_else(|| failure::of_ours(PORT, "no ledger was configured"))?;
        let item = write(failed).map_err(|error| failure::of_ours(PORT, error))?;
        let writes = vec![note(ledger, failed)?, self.put(&item)?];
        match transaction::write(&self.client, PORT, writes).await? {
            Transacted::Written => Ok(NoteOutcome::Written),
            Transacted::Refused(Some(_)) => Ok(NoteOutcome::Done),
            Transacted::Refused(None) => {
                // A ledger that has forgotten it, or was lost, hides no failure.
                let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
                put.send().await.map_err(|error| failure::of_call(PORT, error))?;
                Ok(NoteOutcome::Unknown)
            }
        }
    }

    async fn forget(&self, delivery: &DeliveryKey) -> Result<(), PortError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(delivery.store.to_string()))
            .key("sk", text(sk(delivery)))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        Ok(())
    }

    async fn redriven(&self, seen: &FailedDelivery, at: Timestamp) -> Result<(), PortError> {
        let delivery = &seen.delivery;
        let mut update = self
            .update_at(delivery.store.to_string(), sk(delivery))
            .update_expression("SET redriven_us = :at, tries = :none REMOVE receipt")
            .expression_attribute_values(":at", micros(at))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":failed", micros(seen.problem.at));
        update = match seen.redriven_at {
            Some(before) => update
                .condition_expression("failed_us = :failed AND redriven_us = :before")
                .expression_attribute_values(":before", micros(before)),
            None => update.condition_expression("failed_us = :failed AND attribute_not_exists(redriven_us)"),
        };
        unless_refused(PORT, update.send().await)?;
        Ok(())
    }

    async fn failed(&self, delivery: &DeliveryKey) -> Result<Option<FailedDelivery>, PortError> {
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(delivery.store.to_string()))
            .key("sk", text(sk(delivery)));
        find(PORT, wanted, read).await
    }

    async fn failures(&self, store: &StoreKey) -> Result<FailedDeliveryList, PortError> {
        let (mut deliveries, mut start) = (Vec::new(), None);
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND begins_with(sk, :failed)")
                .expression_attribute_values(":pk", text(store.to_string()))
                .expression_attribute_values(":failed", text(FAILED_PREFIX))
                .limit(i32::try_from(COUNTED + 1 - deliveries.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failure::of_call(PORT, error))?;
            for item in page.items() {
                deliveries.push(read(item).map_err(|malformed| failure::of_ours(PORT, malformed))?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || deliveries.len() > COUNTED {
                let more = deliveries.len() > COUNTED;
                deliveries.truncate(COUNTED);
                return Ok(FailedDeliveryList { deliveries, more });
            }
        }
    }
}

impl DynamoStores {
    fn put(&self, item: &Item) -> Result<TransactWriteItem, PortError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item.clone()));
        let put = put.build().map_err(|error| failure::of_ours(PORT, error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// The delivery's problem, written into its entry unless that is done.
fn note(ledger: &str, failed: &FailedDelivery) -> Result<TransactWriteItem, PortError> {
    let note = Note::new(&failed.problem)?;
    let update = Update::builder()
        .table_name(ledger)
        .key("pk", text(failed.delivery.to_string()))
        .update_expression(note.update)
        .condition_expression(note.condition)
        .set_expression_attribute_names(Some(note.names))
        .set_expression_attribute_values(Some(note.values))
        // The entry that is in the way comes back with the refusal: no second read.
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let update = update.build().map_err(|error| failure::of_ours(PORT, error))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// No part of a key can hold its separator.
fn sk(delivery: &DeliveryKey) -> String {
    format!("{FAILED_PREFIX}{}#{}", delivery.topic, delivery.id)
}

fn write(failed: &FailedDelivery) -> Result<Item, serde_json::Error> {
    let FailedDelivery { delivery, problem, .. } = failed;
    let mut item = Item::from([
        ("pk".to_owned(), text(delivery.store.to_string())),
        ("sk".to_owned(), text(sk(delivery))),
        ("topic".to_owned(), text(delivery.topic.as_str())),
        ("id".to_owned(), text(delivery.id.as_str())),
        ("failed_us".to_owned(), micros(problem.at)),
        ("code".to_owned(), text(problem.code.to_string())),
        ("message".to_owned(), text(&problem.message)),
        ("received_us".to_owned(), micros(failed.received_at)),
        ("tries".to_owned(), number(failed.tries)),
        ("parked".to_owned(), AttributeValue::Bool(failed.parked)),
    ]);
    if let Some(cause) = problem.cause {
        item.insert("cause".to_owned(), text(cause.as_str()));
    }
    if let Some(subject) = &failed.subject {
        item.insert("subject".to_owned(), text(serde_json::to_string(subject)?));
    }
    if let Some(at) = failed.redriven_at {
        item.insert("redriven_us".to_owned(), micros(at));
    }
    if let Some(receipt) = &failed.receipt {
        item.insert("receipt".to_owned(), text(receipt));
    }
    Ok(item)
}

pub(super) fn read(item: &Item) -> Result<FailedDelivery, Malformed> {
    let malformed = |name| move |_| Malformed::new(name);
    Ok(FailedDelivery {
        delivery: DeliveryKey {
            store: read_text(item, "pk")?.parse().map_err(malformed("pk"))?,
            topic: read_text(item, "topic")?.parse().map_err(malformed("topic"))?,
            id: read_text(item, "id")?.parse().map_err(malformed("id"))?,
        },
        subject: read_json(item, "subject")?,
        problem: Problem {
            at: read_micros(item, "failed_us")?,
            code: serde_json::from_value(read_text(item, "code")?.into()).map_err(|_| Malformed::new("code"))?,
            cause: read_text(item, "cause").ok().and_then(Cause::named),
            message: read_text(item, "message")?.to_owned(),
        },
        received_at: read_micros(item, "received_us")?,
        tries: read_number(item, "tries")?,
        parked: read_flag(item, "parked")?,
        redriven_at: find_micros(item, "redriven_us")?,
        receipt: read_text(item, "receipt").ok().map(str::to_owned),
    })
}
