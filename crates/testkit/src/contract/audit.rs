//! Contract suite of [`Audit`] and [`Audited`].

use hookline_domain::{
    consumer::audit::{Audit, AuditRecord, Audited},
    event::Request,
};

use crate::builders::{at, noon, store};

/// Makes a test of each check: the expression returns values that must live as long as the test, and the port.
#[macro_export]
macro_rules! audit_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            audit,
            $start,
            [
                records_read_back_in_order_of_time,
                existing_record_is_not_changed,
                records_belong_to_their_store,
            ]
        );
    };
}

fn record(name: &str, id: &str, received_at: &str, request: Request) -> AuditRecord {
    AuditRecord {
        store: store(name),
        delivery: id.parse().unwrap(),
        request,
        received_at: at(received_at),
        done_at: noon(),
        outcome: format!("outcome of {id}"),
    }
}

pub async fn records_read_back_in_order_of_time<A: Audit + Audited>(audit: &A) {
    let records = [
        record("demo", "c", "2001-09-09T01:46:39.999999Z", Request::CustomerData),
        record("demo", "b", "2001-09-09T01:46:40Z", Request::CustomerRedaction),
        record("demo", "a", "2026-11-21T10:00:00.000001Z", Request::StoreRedaction),
        record(
            "demo",
            "b~replay-01234567",
            "2026-11-21T10:00:00.000001Z",
            Request::StoreRedaction,
        ),
    ];
    for at in [2, 0, 3, 1] {
        audit.keep(&records[at]).await.unwrap();
    }
    assert_eq!(audit.of(&store("demo")).await.unwrap(), records);
}

pub async fn existing_record_is_not_changed<A: Audit + Audited>(audit: &A) {
    let first = record("demo", "a", "2026-11-21T10:00:00Z", Request::CustomerData);
    audit.keep(&first).await.unwrap();
    let second = AuditRecord {
        done_at: at("2026-11-22T10:00:00Z"),
        outcome: "something else".to_owned(),
        ..first.clone()
    };
    audit.keep(&second).await.unwrap();
    assert_eq!(audit.of(&store("demo")).await.unwrap(), [first]);
}

pub async fn records_belong_to_their_store<A: Audit + Audited>(audit: &A) {
    audit
        .keep(&record("demo", "a", "2026-11-21T10:00:00Z", Request::CustomerData))
        .await
        .unwrap();
    assert_eq!(audit.of(&store("demo2")).await.unwrap(), []);
}
