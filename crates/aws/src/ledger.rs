//! [`Ledger`] and [`Records`] in DynamoDB. The table is [`hookline_tables::ledger`].

use std::collections::HashSet;

use aws_sdk_dynamodb::Client;
use futures_util::{StreamExt, stream};
use hookline_domain::{
    delivery::ledger::{
        Claim, ClaimRequest, Claims, Completion, Cursor, DeliveryCompletion, Ledger, LedgerRecord, NoteOutcome,
        Problem, RecordPage, Records,
    },
    kernel::{
        ids::{DeliveryId, DeliveryKey},
        port::{CALLS_AT_ONCE, PortError},
    },
};
use hookline_tables::ledger;
use jiff::Timestamp;

use crate::{
    failure, statements,
    table::{Table, from_sdk, to_sdk, value_to_sdk},
};

const PORT: &str = "ledger";

/// [`Ledger`] in DynamoDB, each operation one conditional write, and its [`Records`].
#[derive(Debug, Clone)]
pub struct DynamoLedger {
    table: Table,
}

impl DynamoLedger {
    pub(crate) fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            table: Table::new(client, table, PORT),
        }
    }
}

impl Claims for DynamoLedger {
    async fn claim(&self, delivery: &DeliveryKey, request: &ClaimRequest) -> Result<Claim, PortError> {
        let outcome = self.table.put(ledger::claim(delivery, request)).await?;
        ledger::read_claim(&outcome, request).map_err(|problem| failure::of_ours(PORT, problem))
    }

    async fn release(&self, delivery: &DeliveryKey, owner: &str) -> Result<(), PortError> {
        self.table.update(ledger::release(delivery, owner)).await?;
        Ok(())
    }
}

impl Ledger for DynamoLedger {
    async fn complete(&self, settled: &DeliveryCompletion<'_>, at: Timestamp) -> Result<Completion, PortError> {
        let outcome = self.table.update(ledger::complete(settled, at)).await?;
        Ok(ledger::read_completion(&outcome, settled.fate))
    }

    async fn complete_all(
        &self,
        settled: &[DeliveryCompletion<'_>],
        at: Timestamp,
    ) -> Vec<Result<Completion, PortError>> {
        let mut results: Vec<Option<Result<Completion, PortError>>> = settled.iter().map(|_| None).collect();
        let (mut together, mut seen) = (Vec::new(), HashSet::new());
        for (index, settled) in settled.iter().enumerate() {
            // A statement cannot write a problem, and a call cannot have two statements on one item.
            if settled.problem.is_none() && seen.insert(settled.delivery) {
                together.push((index, settled));
            }
        }
        if together.len() > 1 {
            let statements = together
                .iter()
                .map(|(_, settled)| ledger::complete_statement(&self.table.name, settled, at))
                .collect();
            let outcomes = statements::run(&self.table, statements).await;
            for ((index, _), outcome) in together.into_iter().zip(outcomes) {
                results[index] = match outcome {
                    Ok(outcome) => outcome.as_ref().and_then(ledger::read_statement).map(Ok),
                    Err(failure) => Some(Err(failure)),
                };
            }
        }
        let left: Vec<_> = (results.iter().zip(settled).enumerate())
            .filter_map(|(index, (result, settled))| result.is_none().then_some((index, settled)))
            .collect();
        let alone = left.into_iter().map(|(index, settled)| async move {
            let completed = self.complete(settled, at);
            (index, completed.await)
        });
        // Collected, because the compiler cannot prove that the closure is Send.
        let alone: Vec<_> = alone.collect();
        let alone: Vec<_> = stream::iter(alone).buffered(CALLS_AT_ONCE).collect().await;
        for (index, completed) in alone {
            results[index] = Some(completed);
        }
        results.into_iter().flatten().collect()
    }

    async fn note(&self, delivery: &DeliveryKey, problem: &Problem) -> Result<NoteOutcome, PortError> {
        let outcome = self.table.update(ledger::note(delivery, problem)).await?;
        Ok(ledger::read_note(&outcome))
    }
}

/// Needs `dynamodb:GetItem` and, to search, `dynamodb:Scan`, which no function has.
impl Records for DynamoLedger {
    async fn find(&self, delivery: &DeliveryKey) -> Result<Option<LedgerRecord>, PortError> {
        self.table.find(ledger::key(delivery), ledger::read_record).await
    }

    async fn search(&self, id: &DeliveryId, after: Option<Cursor>) -> Result<RecordPage, PortError> {
        let page = self
            .table
            .scan()
            .filter_expression(ledger::ID_FILTER)
            .expression_attribute_values(":id", value_to_sdk(ledger::id_value(id)))
            .set_exclusive_start_key(after.map(|after| to_sdk(ledger::cursor_key(&after))))
            .send()
            .await
            .map_err(|error| failure::of_call(PORT, error))?;
        let mut found = Vec::new();
        for item in page.items.unwrap_or_default() {
            let record = ledger::read_record(&from_sdk(item)).map_err(|malformed| self.table.malformed(malformed))?;
            // The text may also begin a store's or a topic's name.
            if record.delivery.id.as_str().starts_with(id.as_str()) {
                found.push(record);
            }
        }
        let last = page.last_evaluated_key.map(from_sdk);
        Ok(RecordPage {
            found,
            looked_at: usize::try_from(page.scanned_count).unwrap_or_default(),
            after: self.table.read(last, ledger::read_cursor)?,
        })
    }
}
