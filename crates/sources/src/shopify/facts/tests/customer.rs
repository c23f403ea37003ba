//! Customers.

use super::*;

#[test]
fn customer_is_announced_without_anything_of_the_person() {
    let created = only(Topic::CustomersCreate, &sample(Topic::CustomersCreate));
    assert_eq!(
        json_of(&created),
        json!({"id": "115310627314723969", "state": "disabled", "country": "US",
            "created_at": "2026-11-01T12:00:00Z", "updated_at": "2026-11-01T12:00:00Z"})
    );
    let updated = only(Topic::CustomersUpdate, &sample(Topic::CustomersUpdate));
    assert_eq!(
        (created.kind, updated.kind),
        (EventType::CUSTOMER_CREATED, EventType::CUSTOMER_UPDATED)
    );
    assert!(matches!(&updated.identity, Identity::Told { apart, .. } if apart.len() == 32));
    let deleted = only(Topic::CustomersDelete, &sample(Topic::CustomersDelete));
    assert_eq!(
        (deleted.kind.clone(), deleted.identity.clone()),
        (EventType::CUSTOMER_DELETED, Identity::First)
    );
    assert_eq!(json_of(&deleted), json!({"id": "115310627314723969"}));
    let counted = {
        let mut body = sample(Topic::CustomersUpdate);
        body["orders_count"] = json!(3);
        body
    };
    assert_eq!(json_of(&only(Topic::CustomersUpdate, &counted))["orders_count"], 3);
}

#[test]
fn state_of_a_customer_deletes_nobody() {
    for state in [Topic::CustomersCreate, Topic::CustomersUpdate] {
        let problem = read(Topic::CustomersDelete, &sample(state)).unwrap_err().to_string();
        assert!(
            problem.ends_with("expected nothing of what is deleted but its id"),
            "{problem}"
        );
    }
    assert!(read(Topic::CustomersUpdate, &sample(Topic::CustomersDelete)).is_err());
}
