use super::*;
use crate::kernel::failure::ErrorCode;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn failed(id: &str, code: ErrorCode) -> FailedDelivery {
    let noon = at("2026-11-21T12:00:00Z");
    FailedDelivery {
        delivery: DeliveryKey {
            store: "shopify#demo.myshopify.com".parse().unwrap(),
            topic: "products/update".parse().unwrap(),
            id: id.parse().unwrap(),
        },
        subject: None,
        problem: Problem {
            at: noon,
            code,
            cause: None,
            message: "the problem".to_owned(),
        },
        received_at: noon,
        tries: 1,
        parked: code == ErrorCode::SchemaMismatch,
        redriven_at: None,
        receipt: None,
    }
}

#[test]
fn constants_equal_those_of_the_template() {
    let template = include_str!("../../../../../template.yaml");
    let after = |name: &str, attribute: &str| -> i64 {
        let resource = template.split_once(&format!("\n  {name}:\n")).unwrap().1;
        let value = resource.split_once(attribute).unwrap().1;
        let digits: String = value.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap()
    };
    assert_eq!(after("EventQueue", "VisibilityTimeout:"), TRIED_EVERY.as_secs());
    assert_eq!(after("EventQueue", "maxReceiveCount:"), i64::from(MAX_RECEIVES));
    let retention = after("EventDeadLetterQueue", "MessageRetentionPeriod:");
    assert_eq!(retention, KEPT_DAYS * 24 * 3600);
    assert!(after("EventQueue", "MessageRetentionPeriod:") <= retention);
}

#[test]
fn delivery_is_a_dead_letter_when_the_queue_has_given_up() {
    let first = failed("a", ErrorCode::IndexUnavailable);
    let last = FailedDelivery {
        tries: 8,
        problem: Problem {
            // The last wait for the index is 236 s.
            at: at("2026-11-21T12:20:04Z"),
            ..first.problem.clone()
        },
        ..first.clone()
    };
    for failed in [&first, &last] {
        assert_eq!(failed.dead_letter_at(), at("2026-11-21T12:24:00Z"));
        assert!(!failed.needs_attention(at("2026-11-21T12:23:59Z")));
        assert_eq!(failed.stage(at("2026-11-21T12:24:00Z")), Stage::DeadLetter);
        assert!(failed.needs_attention(at("2026-11-21T12:24:00Z")));
        assert_eq!(failed.stage(at("2026-12-05T12:00:00Z")), Stage::Expired);
    }
}

#[test]
fn parked_delivery_needs_attention_until_it_is_redriven() {
    let parked = failed("a", ErrorCode::SchemaMismatch);
    assert!(parked.needs_attention(at("2026-11-21T12:00:01Z")));
    let redriven = FailedDelivery {
        redriven_at: Some(at("2026-11-22T12:00:00Z")),
        tries: 0,
        ..parked
    };
    assert!(!redriven.needs_attention(at("2026-11-22T12:23:59Z")));
    assert!(
        redriven.needs_attention(at("2026-11-22T12:24:00Z")),
        "it was never tried again"
    );
}

#[test]
fn deliveries_that_need_attention_are_listed_first_and_all_are_counted() {
    let now = at("2026-11-21T12:10:00Z");
    let mut deliveries: Vec<_> = (0..15)
        .map(|n| failed(&format!("w{n}"), ErrorCode::IndexUnavailable))
        .collect();
    deliveries.push(failed("z", ErrorCode::SchemaMismatch));
    let summary = FailedDeliverySummary::of(
        &FailedDeliveryList {
            deliveries,
            more: false,
        },
        now,
    );
    assert_eq!((summary.retrying, summary.dead_letters, summary.attention), (16, 0, 1));
    assert_eq!(
        (summary.deliveries.len(), summary.deliveries[0].id.as_str()),
        (MAX_NAMED, "z")
    );
}

#[test]
fn delivery_that_waits_for_the_index_is_retried_soon() {
    let next = |code, tries| {
        let failed = FailedDelivery {
            tries,
            ..failed("a", code)
        };
        match failed.stage(at("2026-11-21T12:00:01Z")) {
            Stage::Retrying { next_try_at, .. } => next_try_at,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(next(ErrorCode::IndexUnavailable, 1), at("2026-11-21T12:00:20Z"));
    assert_eq!(next(ErrorCode::IndexUnavailable, 4), at("2026-11-21T12:03:56Z"));
    assert_eq!(next(ErrorCode::StorageUnavailable, 1), at("2026-11-21T12:03:00Z"));
}

#[test]
fn meaning_names_the_correction_for_the_class_of_a_failure() {
    use crate::kernel::port::Cause;
    let noon = at("2026-11-21T12:00:00Z");
    let json = |code, cause, hours| {
        let problem = failed("a", code).problem;
        let failed = FailedDelivery {
            problem: Problem { cause, ..problem },
            ..failed("a", code)
        };
        let now = noon + SignedDuration::from_hours(hours);
        serde_json::to_value(FailedDeliveryReport::of(&failed, now)).unwrap()
    };
    let (index, storage) = (ErrorCode::IndexUnavailable, ErrorCode::StorageUnavailable);
    let access = "Remove the cause: map the function's role in fine-grained access control, or allow it in the collection's \
                  data access policy. Then";
    let cases = [
        (index, Some(Cause::Denied), 0, format!("{access} try it now.")),
        (
            index,
            Some(Cause::Denied),
            1,
            format!("{access} redrive it; or dismiss it."),
        ),
        (index, Some(Cause::Throttled), 0, "Nothing to do until then.".to_owned()),
        (
            index,
            Some(Cause::Throttled),
            1,
            "Remove the cause: lower ReindexConcurrency or add capacity to the cluster. Then redrive it".to_owned(),
        ),
        (
            storage,
            Some(Cause::Missing),
            0,
            "Remove the cause: look at the stack's drift and restore what is missing. Then try it now.".to_owned(),
        ),
        (
            storage,
            Some(Cause::Other),
            1,
            "Remove the cause, then redrive it".to_owned(),
        ),
        (storage, None, 0, "Nothing to do until then.".to_owned()),
    ];
    for (code, cause, hours, says) in cases {
        let json = json(code, cause, hours);
        assert_eq!(
            json.get("cause").and_then(serde_json::Value::as_str),
            cause.map(Cause::as_str)
        );
        let meaning = json["meaning"].as_str().unwrap();
        assert!(meaning.contains(&says), "{code} {cause:?}: {meaning}");
    }
}
