//! [`Activity`] in a DynamoDB table. Items of a store:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, N | the store, `source#store`, and the `seq` that the entries came with |
//! | `entries` | S | what became of deliveries, newest first: JSON |
//! | `expires_at` | N | when it may be forgotten, in seconds: seven days after it was kept |
//!
//! The item of `sk` 0 has `reached` (N) in place of `entries`: up to which `seq` everything has been kept.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, DeleteRequest, PutRequest, WriteRequest},
};
use hookline_domain::{
    kernel::{
        ids::StoreKey,
        port::{Clock, PortError},
    },
    live::{Activity, ActivityBatch, ForgetActivity},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    attributes::{Item, Malformed, number, read_number, read_text, seconds_up, text},
    batch_write,
    condition::unless_refused,
    failure,
    find::{find, partition},
};

const PORT: &str = "activity";

/// For how long it is remembered what became of a delivery: as long as the ledger does.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// [`Activity`] in DynamoDB. Each store's activity is one partition.
#[derive(Debug, Clone)]
pub struct DynamoActivity<C> {
    client: Client,
    table: String,
    clock: C,
}

impl<C: Clock> DynamoActivity<C> {
    pub(crate) fn new(client: Client, table: impl Into<String>, clock: C) -> Self {
        Self {
            client,
            table: table.into(),
            clock,
        }
    }

    fn expires_at(&self) -> AttributeValue {
        seconds_up(self.clock.now().checked_add(REMEMBERED).unwrap_or(Timestamp::MAX))
    }
}

impl<C: Clock> Activity for DynamoActivity<C> {
    async fn keep(&self, store: &StoreKey, kept: &[ActivityBatch], reached: u64) -> Result<(), PortError> {
        let expires_at = self.expires_at();
        for kept in kept.chunks(batch_write::AT_ONCE) {
            let puts = kept.iter().map(|kept| put(store, kept, &expires_at));
            batch_write::write(&self.client, PORT, &self.table, puts.collect::<Result<_, _>>()?).await?;
        }
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()))
            .key("sk", number(0))
            .update_expression("SET reached = :reached, expires_at = :expires_at")
            .condition_expression("attribute_not_exists(reached) OR reached < :reached")
            .expression_attribute_values(":reached", number(reached))
            .expression_attribute_values(":expires_at", expires_at)
            .send()
            .await;
        unless_refused(PORT, sent)?;
        Ok(())
    }

    async fn reached(&self, store: &StoreKey) -> Result<Option<u64>, PortError> {
        let wanted = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(store.to_string()))
            .key("sk", number(0));
        find(PORT, wanted, |item| read_number(item, "reached")).await
    }

    async fn latest(
        &self,
        store: &StoreKey,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<ActivityBatch>, PortError> {
        if before.is_some_and(|before| before <= 1) {
            return Ok(Vec::new());
        }
        let (mut latest, mut entries, mut after) = (Vec::new(), 0, None);
        let last = before.map_or(u64::MAX, |before| before - 1);
        // At least 1 entry is in each item.
        let page = i32::try_from(limit.clamp(1, 1000)).unwrap_or(1000);
        loop {
            let found = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .scan_index_forward(false)
                .limit(page)
                .key_condition_expression("pk = :store AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":store", text(store.to_string()))
                .expression_attribute_values(":first", number(1))
                .expression_attribute_values(":last", number(last))
                .set_exclusive_start_key(after)
                .send()
                .await
                .map_err(|error| failure::of_call(PORT, error))?;
            for item in found.items() {
                if entries >= limit {
                    return Ok(latest);
                }
                // What another version of this code has kept may be unreadable, and is left out.
                let Ok(kept) = read(item) else { continue };
                entries += kept.entries.len();
                latest.push(kept);
            }
            after = found.last_evaluated_key;
            if after.is_none() {
                return Ok(latest);
            }
        }
    }
}

impl<C: Clock> ForgetActivity for DynamoActivity<C> {
    async fn forget(&self, store: &StoreKey) -> Result<(), PortError> {
        let mut pages = partition(&self.client, &self.table, store.to_string())
            .projection_expression("pk, sk")
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of_call(PORT, error))?;
            for items in page.items().chunks(batch_write::AT_ONCE) {
                let deletions = items.iter().map(delete).collect::<Result<_, _>>()?;
                batch_write::write(&self.client, PORT, &self.table, deletions).await?;
            }
        }
        Ok(())
    }
}

fn put(store: &StoreKey, kept: &ActivityBatch, expires_at: &AttributeValue) -> Result<WriteRequest, PortError> {
    let entries = serde_json::to_string(&kept.entries).map_err(|error| failure::of_ours(PORT, error))?;
    let item = HashMap::from([
        ("pk".to_owned(), text(store.to_string())),
        ("sk".to_owned(), number(kept.seq)),
        ("entries".to_owned(), text(entries)),
        ("expires_at".to_owned(), expires_at.clone()),
    ]);
    let put = PutRequest::builder().set_item(Some(item)).build();
    let put = put.map_err(|error| failure::of_ours(PORT, error))?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn delete(item: &Item) -> Result<WriteRequest, PortError> {
    let deletion = DeleteRequest::builder().set_key(Some(item.clone())).build();
    let deletion = deletion.map_err(|error| failure::of_ours(PORT, error))?;
    Ok(WriteRequest::builder().delete_request(deletion).build())
}

fn read(item: &Item) -> Result<ActivityBatch, Malformed> {
    let entries = serde_json::from_str(read_text(item, "entries")?);
    Ok(ActivityBatch {
        seq: read_number(item, "sk")?,
        entries: entries.map_err(|_| Malformed::new("entries"))?,
    })
}
