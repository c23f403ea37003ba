//! Writes of several items, all of them or none
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>).

use aws_sdk_dynamodb::{
    Client,
    error::BuildError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Delete, Put, TransactWriteItem, Update},
};
use hookline_domain::kernel::port::PortError;
use hookline_tables::{Item, Write, WriteOutcome};

use crate::{
    failure,
    table::{from_sdk, names, refusing_item, to_sdk, values},
};

/// Most attempts at a transaction whose items are being written by others.
const MAX_ATTEMPTS: usize = 5;

/// Writes all of this, each to its table, or nothing. A refusal returns the item that a condition did not hold for, if
/// there is one and its write returns it.
///
/// # Errors
/// [`PortError`]: whether it is written is unknown, unless others kept writing the same items.
pub(crate) async fn write(
    client: &Client,
    port: &'static str,
    writes: Vec<(&str, Write)>,
) -> Result<WriteOutcome<Item>, PortError> {
    let items = writes.into_iter().map(|(table, write)| item(table, write));
    let items: Vec<TransactWriteItem> = items
        .collect::<Result<_, _>>()
        .map_err(|error| failure::of_ours(port, error))?;
    for _ in 0..MAX_ATTEMPTS {
        let transaction = client.transact_write_items().set_transact_items(Some(items.clone()));
        let Err(error) = Box::pin(transaction.send()).await else {
            return Ok(WriteOutcome::Written(None));
        };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => canceled.cancellation_reasons(),
            _ => &[],
        };
        let because = |code| reasons.iter().find(move |reason| reason.code() == Some(code));
        if let Some(reason) = because("ConditionalCheckFailed") {
            return Ok(WriteOutcome::Refused(reason.item().cloned().map(from_sdk)));
        }
        if because("TransactionConflict").is_none() {
            return Err(failure::of_call(port, error));
        }
    }
    Err(failure::of_ours(port, "others are writing the same items"))
}

fn item(table: &str, write: Write) -> Result<TransactWriteItem, BuildError> {
    let item = TransactWriteItem::builder();
    Ok(match write {
        Write::Put(put) => {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(to_sdk(put.item)))
                .set_condition_expression(put.condition.map(str::to_owned))
                .set_expression_attribute_names(names(put.names))
                .set_expression_attribute_values(values(put.values))
                .set_return_values_on_condition_check_failure(refusing_item(put.returns_refusing_item));
            item.put(put.build()?)
        }
        Write::Update(update) => {
            let update = Update::builder()
                .table_name(table)
                .set_key(Some(to_sdk(update.key)))
                .update_expression(update.expression)
                .set_condition_expression(update.condition.map(str::to_owned))
                .set_expression_attribute_names(names(update.names))
                .set_expression_attribute_values(values(update.values))
                .set_return_values_on_condition_check_failure(refusing_item(update.returns_refusing_item));
            item.update(update.build()?)
        }
        Write::Delete(delete) => {
            let delete = Delete::builder()
                .table_name(table)
                .set_key(Some(to_sdk(delete.key)))
                .set_condition_expression(delete.condition.map(str::to_owned))
                .set_expression_attribute_values(values(delete.values));
            item.delete(delete.build()?)
        }
    }
    .build())
}
