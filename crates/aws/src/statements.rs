//! Several conditional writes in one call. `BatchWriteItem` has no conditions, and a transaction costs twice as much and couples
//! its items; `BatchExecuteStatement` runs up to 25 `PartiQL` statements, each on one item and by itself
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>). The writes cost as much
//! as with a call each.
//!
//! An `UPDATE` makes no item: an absent one refuses it as a condition would. Callers therefore repeat each statement that leaves
//! something open with a call for its one item.

use aws_sdk_dynamodb::types::{BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse};
use futures_util::{StreamExt, stream};
use hookline_domain::kernel::port::{CALLS_AT_ONCE, PortError};
use hookline_tables::{Item, Statement, WriteOutcome};

use crate::{
    failure,
    table::{Table, from_sdk, refusing_item, value_to_sdk},
};

/// Most statements of one call.
const MAX_STATEMENTS: usize = 25;

/// Outcome of a statement; an existing item refuses an `INSERT`, and is not returned. `None` if it failed for another
/// reason: it was throttled, or has no response.
pub(crate) type StatementOutcome = Option<WriteOutcome<Item>>;

/// Runs statements, no two of them on one item. Returns the outcome of each, in their order. Statements that are sent together
/// and get no response fail together.
pub(crate) async fn run(table: &Table, statements: Vec<Statement>) -> Vec<Result<StatementOutcome, PortError>> {
    let mut rest = statements.into_iter().map(to_sdk);
    let batches = std::iter::from_fn(|| {
        let batch: Vec<_> = rest.by_ref().take(MAX_STATEMENTS).collect();
        (!batch.is_empty()).then_some(batch)
    });
    // Collected, because the compiler cannot prove that the closure is Send.
    let calls: Vec<_> = batches.map(|batch| run_batch(table, batch)).collect();
    let outcomes: Vec<_> = stream::iter(calls).buffered(CALLS_AT_ONCE).collect().await;
    outcomes.into_iter().flatten().collect()
}

async fn run_batch(table: &Table, batch: Vec<BatchStatementRequest>) -> Vec<Result<StatementOutcome, PortError>> {
    let sent = batch.len();
    let call = table.client.batch_execute_statement().set_statements(Some(batch));
    let responses = match call.send().await {
        Ok(output) => output.responses.unwrap_or_default(),
        Err(error) => {
            let failure = failure::of_call(table.port, error);
            return (0..sent).map(|_| Err(failure.again())).collect();
        }
    };
    let mut outcomes: Vec<_> = responses.into_iter().map(|response| Ok(read(response))).collect();
    outcomes.resize_with(sent, || Ok(None));
    outcomes
}

fn to_sdk(statement: Statement) -> BatchStatementRequest {
    let parameters = statement.parameters.into_iter().map(value_to_sdk).collect();
    BatchStatementRequest::builder()
        .statement(statement.text)
        .set_parameters(Some(parameters))
        // The item that is in the way comes with the refusal: no second read.
        .set_return_values_on_condition_check_failure(refusing_item(true))
        .build()
        .expect("the statement, its only required member, is set")
}

fn read(response: BatchStatementResponse) -> StatementOutcome {
    match response.error {
        None => Some(WriteOutcome::Written(response.item.map(from_sdk))),
        Some(error) if error.code == Some(BatchStatementErrorCodeEnum::ConditionalCheckFailed) => {
            Some(WriteOutcome::Refused(error.item.map(from_sdk)))
        }
        Some(error) if error.code == Some(BatchStatementErrorCodeEnum::DuplicateItem) => {
            Some(WriteOutcome::Refused(None))
        }
        Some(_) => None,
    }
}
