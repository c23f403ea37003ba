//! `hookline store`.

use hookline_domain::{
    consumer::audit::{Audit, AuditRecord},
    event::Request,
};
use hookline_testkit::emulator::AUDIT_TABLE;
use jiff::Timestamp;
use serde_json::json;

use super::shop::{RECEIVERS, Shop};

#[tokio::test]
async fn token_is_tested_then_stored_encrypted_and_never_printed() {
    let shop = Shop::open().await;
    let file = shop.file("token.txt", &format!("{}\n", shop.token));
    let output = shop
        .run(&["store", "add", "{store}", "--token-file", &file, "--json"])
        .await;
    assert_eq!(output.status, 0, "{output:?}");
    let added = output.object();
    assert_eq!((&added["store"], &added["epoch"]), (&json!(shop.name), &json!(1)));
    assert!(!format!("{output:?}").contains(&shop.token));
    let record = shop.record().await.unwrap();
    assert!(
        record.enabled && record.connected && record.currency.is_some(),
        "{record:?}"
    );
    let stored = shop.stored_token().await.unwrap();
    assert!(!stored.contains(&shop.token), "{stored}");

    // Added again, from standard input: the token is replaced within the same install.
    let output = shop
        .run_with_input(&["store", "add", "{store}", "--token-stdin"], &shop.token)
        .await;
    assert_eq!(output.status, 0, "{output:?}");
    assert!(
        output.err.contains("hookline webhooks register") && output.err.contains("hookline resync"),
        "{output:?}"
    );
    assert_eq!(shop.record().await.unwrap().epoch, record.epoch);
}

#[tokio::test]
async fn token_that_does_not_open_the_store_is_not_stored() {
    let (shop, other) = (Shop::open().await, Shop::open().await);
    let cases = [
        (shop.file("wrong.txt", &other.token), "hookline store add"),
        (shop.file("empty.txt", " \n"), "is empty"),
        (shop.file("refresh.txt", "shprt_1"), "--offline-file"),
    ];
    for (file, expected) in cases {
        let output = shop.run(&["store", "add", "{store}", "--token-file", &file]).await;
        assert_eq!(output.status, 2, "{output:?}");
        assert!(
            output.err.contains(expected) && !format!("{output:?}").contains(&other.token),
            "{output:?}"
        );
    }
    shop.control(
        "install",
        json!({ "kind": "custom", "token": "shpat_little", "scopes": ["read_orders"] }),
    )
    .await;
    let little = shop.file("little.txt", "shpat_little");
    let output = shop.run(&["store", "add", "{store}", "--token-file", &little]).await;
    assert_eq!(output.status, 2, "{output:?}");
    assert!(output.err.contains("read_products"), "{output:?}");
    assert_eq!((shop.stored_token().await, shop.record().await), (None, None));
    // A token as an argument is refused.
    let output = shop.run(&["store", "add", "{store}", "--token", "shpat_1"]).await;
    assert_eq!(output.status, 2, "{output:?}");
}

#[tokio::test]
async fn expiring_tokens_are_granted_and_renewed() {
    let shop = Shop::open().await;
    shop.control("install", json!({ "kind": "client_credentials" })).await;
    let output = shop.run(&["store", "add", "{store}", "--client-credentials"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    let before = shop.stored_token().await.unwrap();

    let answer = shop.control("install", json!({ "kind": "expiring" })).await;
    let file = shop.file("answer.json", &answer.to_string());
    let output = shop.run(&["store", "add", "{store}", "--offline-file", &file]).await;
    assert_eq!(output.status, 0, "{output:?} of {answer}");
    assert_ne!(shop.stored_token().await.unwrap(), before);
    // Its token has expired, and the next command renews it silently.
    shop.control("tokens", json!({ "expire": true })).await;
    let output = shop.run(&["webhooks", "list", "{store}"]).await;
    assert_eq!(output.status, 0, "{output:?}");
}

#[tokio::test]
async fn stores_are_listed_shown_and_removed() {
    let shop = Shop::open_with_index().await;
    let output = shop.run(&["store", "list"]).await;
    assert_eq!((output.status, output.out.as_str()), (0, ""), "{output:?}");
    for command in ["show", "remove"] {
        let output = shop.run(&["store", command, "{store}"]).await;
        assert_eq!(output.status, 2, "{output:?}");
        assert!(output.err.contains("is not known"), "{output:?}");
    }

    shop.add().await;
    let output = shop.run(&["webhooks", "register", "{store}"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    shop.run(&["resync", "{store}"]).await;
    shop.shows("stove", true).await;
    let listed = shop.run(&["store", "list", "--json"]).await.object();
    assert_eq!((&listed["enabled"], &listed["connected"]), (&json!(true), &json!(true)));
    assert!(listed["reconciled_at"].is_string(), "{listed}");
    let output = shop.run(&["store", "show", "{store}"]).await;
    assert!(
        output.out.contains("connected       yes") && output.out.contains("all present"),
        "{output:?}"
    );

    // Requests required by law are shown from their table.
    let request = AuditRecord {
        store: shop.key(),
        delivery: "required-by-law".parse().unwrap(),
        request: Request::CustomerRedaction,
        received_at: Timestamp::now(),
        done_at: Timestamp::now(),
        outcome: "no data about customers is kept".to_owned(),
    };
    let audit = shop.stack.dynamodb.aws().audit(AUDIT_TABLE);
    audit.keep(&request).await.unwrap();
    let with_audit = ["store", "show", "{store}", "--audit-table", AUDIT_TABLE];
    let output = shop.run(&with_audit).await;
    assert!(
        output.out.contains("customers/redact") && output.out.contains(&request.outcome),
        "{output:?}"
    );
    let object = shop.run(&[&with_audit[..], &["--json"]].concat()).await.object();
    assert_eq!(object["audit"][0]["delivery_id"], json!("required-by-law"), "{object}");
    assert_eq!(object["connected"], json!(true), "{object}");

    // Without a terminal and without --yes.
    let output = shop.run(&["store", "remove", "{store}"]).await;
    assert_eq!(output.status, 2, "{output:?}");
    assert!(
        output.err.contains("--yes") && shop.stored_token().await.is_some(),
        "{output:?}"
    );

    let output = shop.run(&["store", "remove", "{store}", "--yes"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    shop.shows("stove", false).await;
    let record = shop.record().await.unwrap();
    assert!(!record.enabled && !record.connected && !record.watched.unwrap().by_api);
    assert_eq!(shop.stored_token().await, None);
    let output = shop.run(&["store", "remove", "{store}", "--yes"]).await;
    assert_eq!(output.status, 0, "again is harmless: {output:?}");

    // Added again, it begins its next install, without its earlier subscriptions.
    shop.add().await;
    assert_eq!(shop.record().await.unwrap().epoch, record.epoch + 1);
    let output = shop.run(&["webhooks", "list", "{store}"]).await;
    assert!(!output.out.contains(RECEIVERS), "{output:?}");
}
