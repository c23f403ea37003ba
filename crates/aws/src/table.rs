//! One DynamoDB table: sends the requests that `hookline-tables` describes, and reads what they return.

use std::{collections::HashMap, error::Error};

use aws_sdk_dynamodb::{
    Client, Config,
    config::retry::RetryConfig,
    error::SdkError,
    operation::{
        delete_item::DeleteItemError,
        put_item::PutItemError,
        scan::builders::ScanFluentBuilder,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    primitives::Blob,
    types::{
        AttributeValue, DeleteRequest, PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure, WriteRequest,
        error::ConditionalCheckFailedException,
    },
};
use hookline_domain::kernel::port::PortError;
use hookline_tables::{
    Delete, Item, MalformedError, Put, Query, Returned, Update, Value, Write, WriteOutcome, partition,
};

use crate::failure::{self, Coded};

/// An item in the SDK's form.
pub(crate) type SdkItem = HashMap<String, AttributeValue>;

/// Most items that one `BatchWriteItem` takes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>).
pub(crate) const MAX_BATCH_ITEMS: usize = 25;

/// Maximum pages of a table that one page of a list looks at.
const MAX_LIST_PAGES: usize = 5;

/// Maximum attempts to write the items that a `BatchWriteItem` left unprocessed.
const BATCH_ATTEMPTS: usize = 5;

/// A table, and the port whose failures its calls are.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) port: &'static str,
}

/// Items of one page, and the key of the last one if there are more.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    pub(crate) last: Option<Item>,
}

impl Table {
    pub(crate) fn new(client: Client, name: impl Into<String>, port: &'static str) -> Self {
        Self {
            client,
            name: name.into(),
            port,
        }
    }

    /// The same table for another port.
    pub(crate) fn of_port(&self, port: &'static str) -> Self {
        Self { port, ..self.clone() }
    }

    /// Reads one item as `read` does; `None` if it is absent. Sees every write before it.
    pub(crate) async fn find<T>(
        &self,
        key: Item,
        read: impl Fn(&Item) -> Result<T, MalformedError>,
    ) -> Result<Option<T>, PortError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(to_sdk(key)))
            .consistent_read(true);
        // Boxed, here and below, because the futures of nested reads grow large. Receivers do not read.
        let found = Box::pin(get.send())
            .await
            .map_err(|error| failure::of_call(self.port, error))?;
        self.read(found.item.map(from_sdk), read)
    }

    /// Reads an item as `read` does, if there is one.
    pub(crate) fn read<T>(
        &self,
        item: Option<Item>,
        read: impl Fn(&Item) -> Result<T, MalformedError>,
    ) -> Result<Option<T>, PortError> {
        item.map(|item| read(&item))
            .transpose()
            .map_err(|malformed| self.malformed(malformed))
    }

    /// Reads a page.
    pub(crate) async fn query(&self, query: Query) -> Result<Page, PortError> {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression(query.condition)
            .set_filter_expression(query.filter)
            .set_projection_expression(query.projection.map(str::to_owned))
            .set_expression_attribute_names(names(query.names))
            .set_expression_attribute_values(values(query.values))
            .set_scan_index_forward(query.is_reversed.then_some(false))
            .set_limit(query.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(query.after.map(to_sdk));
        let page = Box::pin(query.send())
            .await
            .map_err(|error| failure::of_call(self.port, error))?;
        Ok(Page {
            items: page.items.unwrap_or_default().into_iter().map(from_sdk).collect(),
            last: page.last_evaluated_key.map(from_sdk),
        })
    }

    /// Reads all pages of a query without a limit, or as many as hold its limit of items.
    pub(crate) async fn query_all(&self, mut query: Query) -> Result<Vec<Item>, PortError> {
        let limit = query.limit;
        let mut items = Vec::new();
        loop {
            query.limit = limit.map(|limit| limit - items.len());
            let page = self.query(query.clone()).await?;
            items.extend(page.items);
            if page.last.is_none() || limit.is_some_and(|limit| items.len() >= limit) {
                return Ok(items);
            }
            query.after = page.last;
        }
    }

    /// Reads items as `read` does, without those that it cannot read, as what another version of this code has stored, until
    /// there are `limit` of them or [`MAX_LIST_PAGES`] pages were looked at. Returns them with the item after which a next list
    /// begins, if there may be more.
    pub(crate) async fn list<T>(
        &self,
        mut query: Query,
        limit: usize,
        read: impl Fn(&Item) -> Result<T, MalformedError>,
    ) -> Result<(Vec<T>, Option<Item>), PortError> {
        let (mut listed, mut last) = (Vec::new(), None);
        for _ in 0..MAX_LIST_PAGES {
            let page = self.query(query.clone()).await?;
            for item in page.items {
                if listed.len() >= limit {
                    // There is this one more.
                    return Ok((listed, last));
                }
                listed.extend(read(&item));
                last = Some(item);
            }
            query.after = page.last;
            if query.after.is_none() || listed.len() >= limit {
                break;
            }
        }
        Ok((listed, query.after))
    }

    /// A scan that sees every write before it.
    pub(crate) fn scan(&self) -> ScanFluentBuilder {
        self.client.scan().table_name(&self.name).consistent_read(true)
    }

    pub(crate) async fn put(&self, put: Put) -> Result<WriteOutcome<Item>, PortError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(to_sdk(put.item)))
            .set_condition_expression(put.condition.map(str::to_owned))
            .set_expression_attribute_names(names(put.names))
            .set_expression_attribute_values(values(put.values))
            .set_return_values_on_condition_check_failure(refusing_item(put.returns_refusing_item))
            .send()
            .await;
        self.outcome(sent, |output| output.attributes)
    }

    pub(crate) async fn update(&self, update: Update) -> Result<WriteOutcome<Item>, PortError> {
        let sent = self.update_item(update).send().await;
        self.outcome(sent, |output| output.attributes)
    }

    /// Updates with one attempt. `ADD` is the only write of ours that may not be repeated: if a response is lost, a
    /// second attempt counts everything twice. A failure misses a count, which is the lesser harm.
    pub(crate) async fn update_once(&self, update: Update) -> Result<WriteOutcome<Item>, PortError> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let sent = self.update_item(update).customize().config_override(once).send().await;
        self.outcome(sent, |output| output.attributes)
    }

    fn update_item(&self, update: Update) -> UpdateItemFluentBuilder {
        let expression = (!update.expression.is_empty()).then(|| update.expression.into_owned());
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(to_sdk(update.key)))
            .set_update_expression(expression)
            .set_condition_expression(update.condition.map(str::to_owned))
            .set_expression_attribute_names(names(update.names))
            .set_expression_attribute_values(values(update.values))
            .set_return_values(returned(update.returned))
            .set_return_values_on_condition_check_failure(refusing_item(update.returns_refusing_item))
    }

    pub(crate) async fn delete(&self, delete: Delete) -> Result<WriteOutcome<Item>, PortError> {
        let sent = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(to_sdk(delete.key)))
            .set_condition_expression(delete.condition.map(str::to_owned))
            .set_expression_attribute_values(values(delete.values))
            .set_return_values(returned(delete.returned))
            .send()
            .await;
        self.outcome(sent, |output| output.attributes)
    }

    /// Puts and deletes at most [`MAX_BATCH_ITEMS`] items, without conditions.
    ///
    /// # Errors
    /// [`PortError`]: some may have been written, and others not.
    pub(crate) async fn write_batch(&self, writes: Vec<Write>) -> Result<(), PortError> {
        let mut requests = self.batch(writes)?;
        for _ in 0..BATCH_ATTEMPTS {
            if requests.is_empty() {
                return Ok(());
            }
            let written = self
                .client
                .batch_write_item()
                .request_items(&self.name, requests)
                .send()
                .await
                .map_err(|error| failure::of_call(self.port, error))?;
            let unwritten = written.unprocessed_items.unwrap_or_default();
            requests = unwritten.into_values().flatten().collect();
        }
        if requests.is_empty() {
            return Ok(());
        }
        Err(failure::in_part(
            self.port,
            "the table accepts no more writes at the moment",
        ))
    }

    /// Puts items, as many at a time as a request has. No key may be among them twice.
    pub(crate) async fn put_all(&self, puts: impl IntoIterator<Item = Put>) -> Result<(), PortError> {
        self.write_all(puts.into_iter().map(Write::Put)).await
    }

    /// Deletes the items with these keys, as many at a time as a request has. No key may be among them twice.
    pub(crate) async fn delete_all(&self, keys: impl IntoIterator<Item = Item>) -> Result<(), PortError> {
        let deletes = keys.into_iter().map(|key| {
            Write::Delete(Delete {
                key,
                ..Delete::default()
            })
        });
        self.write_all(deletes).await
    }

    async fn write_all(&self, writes: impl Iterator<Item = Write>) -> Result<(), PortError> {
        let mut writes = writes.peekable();
        while writes.peek().is_some() {
            let batch = writes.by_ref().take(MAX_BATCH_ITEMS).collect();
            self.write_batch(batch).await?;
        }
        Ok(())
    }

    /// Deletes the items of a partition key whose keys are `selected`.
    pub(crate) async fn delete_partition(
        &self,
        pk: impl Into<String>,
        selected: impl Fn(&Item) -> bool,
    ) -> Result<(), PortError> {
        let mut query = Query {
            projection: Some("pk, sk"),
            ..partition(pk)
        };
        loop {
            let page = self.query(query.clone()).await?;
            self.delete_all(page.items.into_iter().filter(|key| selected(key)))
                .await?;
            query.after = page.last;
            if query.after.is_none() {
                return Ok(());
            }
        }
    }

    fn batch(&self, writes: Vec<Write>) -> Result<Vec<WriteRequest>, PortError> {
        let requests = writes.into_iter().map(|write| {
            Ok(match write {
                Write::Put(put) => {
                    let put = PutRequest::builder().set_item(Some(to_sdk(put.item))).build()?;
                    WriteRequest::builder().put_request(put).build()
                }
                Write::Delete(delete) => {
                    let delete = DeleteRequest::builder().set_key(Some(to_sdk(delete.key))).build()?;
                    WriteRequest::builder().delete_request(delete).build()
                }
                Write::Update(_) => unreachable!("batches hold no updates, because BatchWriteItem has none"),
            })
        });
        let requests: Result<_, aws_sdk_dynamodb::error::BuildError> = requests.collect();
        requests.map_err(|error| failure::of_ours(self.port, error))
    }

    /// A failure that is ours: an item is not what this code writes.
    pub(crate) fn malformed(&self, malformed: MalformedError) -> PortError {
        failure::of_ours(self.port, malformed)
    }

    /// A failure that is ours: a value has no JSON.
    pub(crate) fn unwritable(&self, error: serde_json::Error) -> PortError {
        failure::of_ours(self.port, error)
    }

    fn outcome<T, E>(
        &self,
        sent: Result<T, SdkError<E>>,
        attributes: impl FnOnce(T) -> Option<SdkItem>,
    ) -> Result<WriteOutcome<Item>, PortError>
    where
        E: Conditional + Coded + Error + Send + Sync + 'static,
    {
        match sent {
            Ok(output) => Ok(WriteOutcome::Written(attributes(output).map(from_sdk))),
            Err(error) => match error.as_service_error().and_then(Conditional::refusal) {
                Some(refusal) => Ok(WriteOutcome::Refused(refusal.item.clone().map(from_sdk))),
                None => Err(failure::of_call(self.port, error)),
            },
        }
    }
}

/// Error of an operation that its condition may refuse: an outcome, not a failure.
trait Conditional {
    /// The refusal, if the error is one.
    fn refusal(&self) -> Option<&ConditionalCheckFailedException>;
}

impl Conditional for UpdateItemError {
    fn refusal(&self) -> Option<&ConditionalCheckFailedException> {
        match self {
            Self::ConditionalCheckFailedException(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl Conditional for DeleteItemError {
    fn refusal(&self) -> Option<&ConditionalCheckFailedException> {
        match self {
            Self::ConditionalCheckFailedException(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl Conditional for PutItemError {
    fn refusal(&self) -> Option<&ConditionalCheckFailedException> {
        match self {
            Self::ConditionalCheckFailedException(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// An item for the SDK.
pub(crate) fn to_sdk(Item(attributes): Item) -> SdkItem {
    let attributes = attributes.into_iter();
    attributes
        .map(|(name, value)| (name.into_owned(), value_to_sdk(value)))
        .collect()
}

/// A value for the SDK.
pub(crate) fn value_to_sdk(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text),
        Value::N(digits) => AttributeValue::N(digits),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes)),
        Value::M(fields) => AttributeValue::M(to_sdk(fields)),
        Value::Other => unreachable!("our tables have no values of other types"),
    }
}

/// An item of the SDK.
pub(crate) fn from_sdk(item: SdkItem) -> Item {
    item.into_iter()
        .map(|(name, value)| (name, value_from_sdk(value)))
        .collect()
}

fn value_from_sdk(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::S(text),
        AttributeValue::N(digits) => Value::N(digits),
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::B(bytes) => Value::B(bytes.into_inner()),
        AttributeValue::M(fields) => Value::M(from_sdk(fields)),
        _ => Value::Other,
    }
}

/// Names for the SDK, which are left out of a request that has none.
pub(crate) fn names(names: hookline_tables::Names) -> Option<HashMap<String, String>> {
    let pairs = names.into_iter();
    let names: HashMap<_, _> = pairs
        .map(|(placeholder, name)| (placeholder.into_owned(), name.into_owned()))
        .collect();
    (!names.is_empty()).then_some(names)
}

/// Values for the SDK, which are left out of a request that has none.
pub(crate) fn values(values: Item) -> Option<SdkItem> {
    (!values.0.is_empty()).then(|| to_sdk(values))
}

pub(crate) fn refusing_item(is_returned: bool) -> Option<ReturnValuesOnConditionCheckFailure> {
    is_returned.then_some(ReturnValuesOnConditionCheckFailure::AllOld)
}

fn returned(returned: Returned) -> Option<ReturnValue> {
    match returned {
        Returned::Nothing => None,
        Returned::UpdatedOld => Some(ReturnValue::UpdatedOld),
        Returned::AllNew => Some(ReturnValue::AllNew),
        Returned::AllOld => Some(ReturnValue::AllOld),
    }
}
