//! One item, read as it is now.

use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use hookline_domain::port::Unavailable;

use crate::attributes::{Item, Malformed};

/// What `read` makes of the item that is asked for, if there is one. Sees every write before it.
///
/// # Errors
/// [`Unavailable`] of `port` when the table does not answer, or holds what this code does not write.
pub(crate) async fn find<T>(
    port: &'static str,
    wanted: GetItemFluentBuilder,
    read: fn(&Item) -> Result<T, Malformed>,
) -> Result<Option<T>, Unavailable> {
    let found = wanted
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| Unavailable::new(port, error))?;
    found
        .item()
        .map(read)
        .transpose()
        .map_err(|malformed| Unavailable::new(port, malformed))
}
