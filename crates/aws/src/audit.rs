//! [`Audit`] and [`Audited`] in a DynamoDB table. One item for each request, which never expires:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the store, `source#store`, and when it came with which delivery, `<microseconds>#<delivery id>` |
//! | `request` | S | `customer_data`, `customer_redaction` or `store_redaction` |
//! | `received_us`, `done_us` | N | when it came, when it was done; microseconds since 1970 |
//! | `outcome` | S | what was done, in a sentence |

use aws_sdk_dynamodb::Client;
use hookline_domain::{
    consumer::audit::{Audit, AuditRecord, Audited},
    event::Request,
    kernel::{
        ids::{DeliveryId, StoreKey},
        port::PortError,
    },
};

use crate::{
    attributes::{Item, Malformed, micros, read_micros, read_text, text},
    condition::unless_refused,
    failure,
    find::partition,
};

const PORT: &str = "audit";

/// [`Audit`] in DynamoDB: each record is one `PutItem`.
#[derive(Debug, Clone)]
pub struct DynamoAudit {
    client: Client,
    table: String,
}

impl DynamoAudit {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }
}

impl Audit for DynamoAudit {
    async fn keep(&self, record: &AuditRecord) -> Result<(), PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(record.store.to_string()))
            .item("sk", text(sort_key(record)))
            .item("request", text(name(record.request)))
            .item("received_us", micros(record.received_at))
            .item("done_us", micros(record.done_at))
            .item("outcome", text(&record.outcome))
            // What has been recorded is not changed.
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        unless_refused(PORT, put)?;
        Ok(())
    }
}

impl Audited for DynamoAudit {
    async fn of(&self, store: &StoreKey) -> Result<Vec<AuditRecord>, PortError> {
        let mut pages = partition(&self.client, &self.table, store.to_string())
            .into_paginator()
            .items()
            .send();
        let mut records = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| failure::of_call(PORT, error))?;
            records.push(read(store, &item).map_err(|malformed| failure::of_ours(PORT, malformed))?);
        }
        Ok(records)
    }
}

/// Of one store, in the order of time, up to the year 2286.
fn sort_key(record: &AuditRecord) -> String {
    format!("{:016}#{}", record.received_at.as_microsecond(), record.delivery)
}

fn read(store: &StoreKey, item: &Item) -> Result<AuditRecord, Malformed> {
    let (_, delivery) = read_text(item, "sk")?
        .split_once('#')
        .ok_or_else(|| Malformed::new("sk"))?;
    let request = read_text(item, "request")?;
    Ok(AuditRecord {
        store: store.clone(),
        delivery: DeliveryId::new(delivery).map_err(|_| Malformed::new("sk"))?,
        request: [
            Request::CustomerData,
            Request::CustomerRedaction,
            Request::StoreRedaction,
        ]
        .into_iter()
        .find(|known| name(*known) == request)
        .ok_or_else(|| Malformed::new("request"))?,
        received_at: read_micros(item, "received_us")?,
        done_at: read_micros(item, "done_us")?,
        outcome: read_text(item, "outcome")?.to_owned(),
    })
}

fn name(request: Request) -> &'static str {
    match request {
        Request::CustomerData => "customer_data",
        Request::CustomerRedaction => "customer_redaction",
        Request::StoreRedaction => "store_redaction",
    }
}
