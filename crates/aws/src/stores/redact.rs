//! [`Redact`]: what is left takes the place of the store's own item, and all others are removed. Whoever dies in between is
//! followed by one who finds the same install and does both again.

use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use hookline_direct::changes::{SEQ, STORE};
use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    store::stores::{Redact, StoreRecord, Stores},
};
use jiff::Timestamp;

use super::{DynamoStores, PORT, hours_of};
use crate::{
    attributes::{Item, micros, number, text},
    batch_write,
    condition::unless_refused,
    failure,
    find::partition,
};

/// How often a store is read that is written while it is forgotten.
const ATTEMPTS: usize = 5;

impl Redact for DynamoStores {
    async fn redact(&self, store: &StoreKey, ended: Timestamp, at: Timestamp) -> Result<(), PortError> {
        for _ in 0..ATTEMPTS {
            let left = self.find(store).await?.and_then(|known| known.redacted(ended, at));
            let Some(left) = left else { return Ok(()) };
            if self.replace(store, &left, ended, at).await? {
                self.remove_all(hours_of(store)).await?;
                return self.remove_all(store.to_string()).await;
            }
        }
        Err(failure::of_ours(PORT, "the store is written again and again"))
    }
}

impl DynamoStores {
    /// Puts what is left of a store in place of its own item; `false` if it has been written since it was read.
    async fn replace(
        &self,
        store: &StoreKey,
        left: &StoreRecord,
        ended: Timestamp,
        at: Timestamp,
    ) -> Result<bool, PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(store.to_string()))
            .item("sk", text(STORE))
            .item("epoch", number(left.epoch))
            .item("enabled", AttributeValue::Bool(left.enabled))
            .item("uninstalled_us", micros(ended))
            .item("redacted_us", micros(at))
            .item(SEQ, number(left.seq + 1))
            .expression_attribute_names("#seq", SEQ);
        let put = match left.seq {
            0 => put.condition_expression("attribute_not_exists(#seq)"),
            seq => put
                .condition_expression("#seq = :seq")
                .expression_attribute_values(":seq", number(seq)),
        };
        Ok(unless_refused(PORT, put.send().await)?.is_some())
    }

    /// Removes all items of a partition key but a store's own.
    async fn remove_all(&self, pk: String) -> Result<(), PortError> {
        let mut pages = partition(&self.client, &self.table, pk)
            .projection_expression("pk, sk")
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of_call(PORT, error))?;
            let others = page.items().iter().filter(|item| item.get("sk") != Some(&text(STORE)));
            let others: Vec<&Item> = others.collect();
            for items in others.chunks(batch_write::AT_ONCE) {
                self.remove(items).await?;
            }
        }
        Ok(())
    }

    async fn remove(&self, items: &[&Item]) -> Result<(), PortError> {
        let deletion = |item: &&Item| {
            let deletion = DeleteRequest::builder().set_key(Some((*item).clone())).build()?;
            Ok(WriteRequest::builder().delete_request(deletion).build())
        };
        let deletions: Result<Vec<_>, aws_sdk_dynamodb::error::BuildError> = items.iter().map(deletion).collect();
        let requests = deletions.map_err(|error| failure::of_ours(PORT, error))?;
        batch_write::write(&self.client, PORT, &self.table, requests).await
    }
}
