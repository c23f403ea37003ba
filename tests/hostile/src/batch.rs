//! A batch of SQS: a message that is not ours affects no other, and no message without effect is lost.
//!
//! Input: the JSON that Lambda hands over.

use std::collections::BTreeSet;

use hookline_domain::{
    consumer::{Keep, Reindex, Unpack},
    delivery::{
        Delivery, envelope,
        ledger::{ClaimRequest, Claims, Fate},
    },
    memory::{self, InMemory, MemoryArchive, MemoryBodies, MemoryIndex},
};
use hookline_lambda::batch::{MissingMessageIdError, SqsBatch, SqsRecord, consume};
use hookline_sources::{INTERPRET, is_personal};
use jiff::Timestamp;

use crate::gateway::{noon, wait};

/// Maximum messages in a batch of SQS.
const MAX_MESSAGES: usize = 10;

pub(crate) fn sqs_batch(data: &[u8]) {
    let Ok(mut batch) = serde_json::from_slice::<SqsBatch>(data) else {
        return;
    };
    batch.records.truncate(MAX_MESSAGES);
    let reindex: Reindex<InMemory> = memory::consumer(MemoryIndex::default(), noon(), INTERPRET);
    let unpack: Unpack<MemoryBodies> = Unpack { bodies: None };
    let keep: Keep<MemoryArchive> = Keep {
        archive: None,
        personal: is_personal,
    };
    let answer = wait(async {
        for delivery in batch.records.iter().filter_map(delivery) {
            reindex.ledger.claim(&delivery.key, &claimed()).await.unwrap();
        }
        consume(&reindex, &unpack, &keep, batch.clone(), Timestamp::MAX).await
    });

    let settled = |record: &SqsRecord| {
        let fate = delivery(record).and_then(|delivery| reindex.ledger.fate(&delivery.key));
        fate.is_some_and(|fate| fate != Fate::Parked)
    };
    let names: BTreeSet<&str> = batch
        .records
        .iter()
        .filter_map(|record| record.message_id.as_deref())
        .collect();
    match answer {
        Ok(answer) => {
            let again: BTreeSet<&str> = answer
                .batch_item_failures
                .iter()
                .map(|failure| failure.item_identifier.as_str())
                .collect();
            assert!(!again.contains("") && again.is_subset(&names));
            for record in &batch.records {
                let id = record.message_id.as_deref().unwrap_or_default();
                assert!(
                    settled(record) || again.contains(id),
                    "{id} is forgotten, and had no effect"
                );
            }
        }
        Err(MissingMessageIdError) => assert!(
            batch
                .records
                .iter()
                .any(|record| record.message_id.as_deref().unwrap_or_default().is_empty())
        ),
    }
}

fn delivery(record: &SqsRecord) -> Option<Delivery> {
    envelope::decode(record.body.as_deref()?).ok()
}

fn claimed() -> ClaimRequest {
    ClaimRequest {
        owner: "a receiver".to_owned(),
        now: noon(),
        lease_until: noon(),
        expires_at: Timestamp::MAX,
        event_id: None,
    }
}
