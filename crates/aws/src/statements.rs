//! Several conditional writes in one call. `BatchWriteItem` knows no conditions and a transaction costs twice as much and
//! couples its items; `BatchExecuteStatement` runs up to 25 `PartiQL` statements, each on one item, each by itself
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>). What is written costs
//! as much as with a call each.
//!
//! An `UPDATE` makes no item: one that is not there refuses it as a condition would. So who uses this has a call for one
//! item to fall back on, wherever a statement's answer leaves anything open: it is asked in vain, never believed in vain.

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse,
        ReturnValuesOnConditionCheckFailure,
    },
};
use futures_util::{StreamExt, stream};
use hookline_domain::kernel::port::{CALLS_AT_ONCE, PortError};

use crate::{attributes::Item, failure};

/// How many statements a call takes.
const AT_ONCE: usize = 25;

/// What became of a statement.
#[derive(Debug)]
pub(crate) enum Written {
    /// It is written. What its `RETURNING` asks for.
    Done(Option<Item>),
    /// Its condition did not hold for this item; for none, if there is none.
    Refused(Option<Item>),
    /// An `INSERT` of what is there, or nothing that anything follows from: throttled, or not understood.
    Open,
}

/// A statement with its parameters, in the order of their question marks.
pub(crate) fn statement(text: &str, parameters: Vec<AttributeValue>) -> BatchStatementRequest {
    BatchStatementRequest::builder()
        .statement(text)
        .set_parameters(Some(parameters))
        // The item that is in the way comes back with the refusal: no second read.
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .expect("the one thing that has to be set is")
}

/// The name of a table, as a statement takes it.
pub(crate) fn quoted(table: &str) -> String {
    format!("\"{table}\"")
}

/// Runs statements, of which no two may be on one item. What became of each, in their order. Those that are sent together
/// and are not answered fail together.
pub(crate) async fn run(
    client: &Client,
    port: &'static str,
    statements: Vec<BatchStatementRequest>,
) -> Vec<Result<Written, PortError>> {
    let mut rest = statements.into_iter();
    let batches = std::iter::from_fn(|| {
        let batch: Vec<_> = rest.by_ref().take(AT_ONCE).collect();
        (!batch.is_empty()).then_some(batch)
    });
    // Collected, for the compiler does not see that the closure may wait.
    let calls: Vec<_> = batches.map(|batch| run_batch(client, port, batch)).collect();
    let answers: Vec<_> = stream::iter(calls).buffered(CALLS_AT_ONCE).collect().await;
    answers.into_iter().flatten().collect()
}

async fn run_batch(
    client: &Client,
    port: &'static str,
    batch: Vec<BatchStatementRequest>,
) -> Vec<Result<Written, PortError>> {
    let sent = batch.len();
    let answer = client
        .batch_execute_statement()
        .set_statements(Some(batch))
        .send()
        .await;
    let answers = match answer {
        Ok(answer) => answer.responses.unwrap_or_default(),
        Err(error) => {
            let failure = failure::of_call(port, error);
            return (0..sent).map(|_| Err(failure.again())).collect();
        }
    };
    let mut written: Vec<_> = answers.into_iter().map(|answer| Ok(read(answer))).collect();
    written.resize_with(sent, || Ok(Written::Open));
    written
}

fn read(answer: BatchStatementResponse) -> Written {
    match answer.error {
        None => Written::Done(answer.item),
        Some(error) if error.code == Some(BatchStatementErrorCodeEnum::ConditionalCheckFailed) => {
            Written::Refused(error.item)
        }
        Some(_) => Written::Open,
    }
}
