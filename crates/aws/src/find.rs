//! One item, or all of a partition, read as they are now.

use aws_sdk_dynamodb::{
    Client,
    operation::{get_item::builders::GetItemFluentBuilder, query::builders::QueryFluentBuilder},
};
use hookline_domain::kernel::port::PortError;

use crate::{
    attributes::{Item, Malformed, text},
    failure,
};

/// What `read` makes of the item that is asked for, if there is one. Sees every write before it.
///
/// # Errors
/// [`PortError`] of `port` when the table does not answer, or holds what this code does not write.
pub(crate) async fn find<T>(
    port: &'static str,
    wanted: GetItemFluentBuilder,
    read: fn(&Item) -> Result<T, Malformed>,
) -> Result<Option<T>, PortError> {
    let found = wanted
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| failure::of_call(port, error))?;
    understood(port, found.item(), read)
}

/// What `read` makes of an item, if there is one.
///
/// # Errors
/// [`PortError`] of `port` when it holds what this code does not write.
pub(crate) fn understood<T>(
    port: &'static str,
    item: Option<&Item>,
    read: fn(&Item) -> Result<T, Malformed>,
) -> Result<Option<T>, PortError> {
    item.map(read)
        .transpose()
        .map_err(|malformed| failure::of_ours(port, malformed))
}

/// All items of one partition, which are read page by page. Sees every write before it.
pub(crate) fn partition(client: &Client, table: &str, pk: impl Into<String>) -> QueryFluentBuilder {
    client
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text(pk))
}
