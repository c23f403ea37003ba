//! Puts and deletions of many items of one table, in as few calls as they take.

use aws_sdk_dynamodb::{Client, types::WriteRequest};
use hookline_domain::kernel::port::PortError;

use crate::failure;

/// Most items that one `BatchWriteItem` takes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>).
pub(crate) const AT_ONCE: usize = 25;

/// Most attempts to write what a call has left unwritten.
const ATTEMPTS: usize = 5;

/// Writes at most [`AT_ONCE`] items.
///
/// # Errors
/// [`PortError`]: some may have been written, and others not.
pub(crate) async fn write(
    client: &Client,
    port: &'static str,
    table: &str,
    mut requests: Vec<WriteRequest>,
) -> Result<(), PortError> {
    for _ in 0..ATTEMPTS {
        if requests.is_empty() {
            return Ok(());
        }
        let written = client
            .batch_write_item()
            .request_items(table, requests)
            .send()
            .await
            .map_err(|error| failure::of_call(port, error))?;
        let unwritten = written.unprocessed_items.unwrap_or_default();
        requests = unwritten.into_values().flatten().collect();
    }
    if requests.is_empty() {
        return Ok(());
    }
    Err(failure::in_part(port, "the table takes no more writes for now"))
}
