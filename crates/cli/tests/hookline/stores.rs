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
async fn a_token_is_tried_then_kept_sealed_and_never_shown() {
    let shop = Shop::open().await;
    let file = shop.file("token.txt", &format!("{}\n", shop.token));
    let said = shop
        .run(&["store", "add", "{store}", "--token-file", &file, "--json"])
        .await;
    assert_eq!(said.status, 0, "{said:?}");
    let added = said.object();
    assert_eq!((&added["store"], &added["epoch"]), (&json!(shop.name), &json!(1)));
    assert!(!format!("{said:?}").contains(&shop.token));
    let record = shop.record().await.unwrap();
    assert!(
        record.enabled && record.connected && record.currency.is_some(),
        "{record:?}"
    );
    let kept = shop.kept().await.unwrap();
    assert!(!kept.contains(&shop.token), "{kept}");

    // Again, from standard input: another token is kept, in the same install.
    let said = shop
        .run_with_input(&["store", "add", "{store}", "--token-stdin"], &shop.token)
        .await;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.err.contains("hookline webhooks register") && said.err.contains("hookline resync"),
        "{said:?}"
    );
    assert_eq!(shop.record().await.unwrap().epoch, record.epoch);
}

#[tokio::test]
async fn what_does_not_open_the_store_is_not_kept() {
    let (shop, other) = (Shop::open().await, Shop::open().await);
    let cases = [
        (shop.file("wrong.txt", &other.token), "hookline store add"),
        (shop.file("empty.txt", " \n"), "holds nothing"),
        (shop.file("refresh.txt", "shprt_1"), "--offline-file"),
    ];
    for (file, told) in cases {
        let said = shop.run(&["store", "add", "{store}", "--token-file", &file]).await;
        assert_eq!(said.status, 2, "{said:?}");
        assert!(
            said.err.contains(told) && !format!("{said:?}").contains(&other.token),
            "{said:?}"
        );
    }
    shop.control(
        "install",
        json!({ "kind": "custom", "token": "shpat_little", "scopes": ["read_orders"] }),
    )
    .await;
    let little = shop.file("little.txt", "shpat_little");
    let said = shop.run(&["store", "add", "{store}", "--token-file", &little]).await;
    assert_eq!(said.status, 2, "{said:?}");
    assert!(said.err.contains("read_products"), "{said:?}");
    assert_eq!((shop.kept().await, shop.record().await), (None, None));
    // A token in an argument is refused before anybody reads it twice.
    let said = shop.run(&["store", "add", "{store}", "--token", "shpat_1"]).await;
    assert_eq!(said.status, 2, "{said:?}");
}

#[tokio::test]
async fn tokens_that_expire_are_granted_and_renewed() {
    let shop = Shop::open().await;
    shop.control("install", json!({ "kind": "client_credentials" })).await;
    let said = shop.run(&["store", "add", "{store}", "--client-credentials"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    let before = shop.kept().await.unwrap();

    let answer = shop.control("install", json!({ "kind": "expiring" })).await;
    let file = shop.file("answer.json", &answer.to_string());
    let said = shop.run(&["store", "add", "{store}", "--offline-file", &file]).await;
    assert_eq!(said.status, 0, "{said:?} of {answer}");
    assert_ne!(shop.kept().await.unwrap(), before);
    // Its token is taken no more: the next command renews it, and says nothing of that.
    shop.control("tokens", json!({ "expire": true })).await;
    let said = shop.run(&["webhooks", "list", "{store}"]).await;
    assert_eq!(said.status, 0, "{said:?}");
}

#[tokio::test]
async fn stores_are_listed_shown_and_taken_out() {
    let shop = Shop::open_with_index().await;
    let said = shop.run(&["store", "list"]).await;
    assert_eq!((said.status, said.out.as_str()), (0, ""), "{said:?}");
    for command in ["show", "remove"] {
        let said = shop.run(&["store", command, "{store}"]).await;
        assert_eq!(said.status, 2, "{said:?}");
        assert!(said.err.contains("is not known"), "{said:?}");
    }

    shop.add().await;
    let said = shop.run(&["webhooks", "register", "{store}"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    shop.run(&["resync", "{store}"]).await;
    shop.shows("stove", true).await;
    let listed = shop.run(&["store", "list", "--json"]).await.object();
    assert_eq!((&listed["enabled"], &listed["connected"]), (&json!(true), &json!(true)));
    assert!(listed["reconciled_at"].is_string(), "{listed}");
    let said = shop.run(&["store", "show", "{store}"]).await;
    assert!(
        said.out.contains("connected       yes") && said.out.contains("all there"),
        "{said:?}"
    );

    // What the law has asked for is shown where it is recorded.
    let asked = AuditRecord {
        store: shop.key(),
        delivery: "asked-by-law".parse().unwrap(),
        request: Request::CustomerRedaction,
        received_at: Timestamp::now(),
        done_at: Timestamp::now(),
        outcome: "nothing is kept of customers".to_owned(),
    };
    let audit = shop.stack.dynamodb.aws().audit(AUDIT_TABLE);
    audit.keep(&asked).await.unwrap();
    let with_audit = ["store", "show", "{store}", "--audit-table", AUDIT_TABLE];
    let said = shop.run(&with_audit).await;
    assert!(
        said.out.contains("customers/redact") && said.out.contains(&asked.outcome),
        "{said:?}"
    );
    let object = shop.run(&[&with_audit[..], &["--json"]].concat()).await.object();
    assert_eq!(object["audit"][0]["delivery_id"], json!("asked-by-law"), "{object}");
    assert_eq!(object["connected"], json!(true), "{object}");

    // Nobody to ask, and nothing said.
    let said = shop.run(&["store", "remove", "{store}"]).await;
    assert_eq!(said.status, 2, "{said:?}");
    assert!(said.err.contains("--yes") && shop.kept().await.is_some(), "{said:?}");

    let said = shop.run(&["store", "remove", "{store}", "--yes"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    shop.shows("stove", false).await;
    let record = shop.record().await.unwrap();
    assert!(!record.enabled && !record.connected && !record.watched.unwrap().by_api);
    assert_eq!(shop.kept().await, None);
    let said = shop.run(&["store", "remove", "{store}", "--yes"]).await;
    assert_eq!(said.status, 0, "again is harmless: {said:?}");

    // With its token again, it begins its next install, and has none of the subscriptions it had.
    shop.add().await;
    assert_eq!(shop.record().await.unwrap().epoch, record.epoch + 1);
    let said = shop.run(&["webhooks", "list", "{store}"]).await;
    assert!(!said.out.contains(RECEIVERS), "{said:?}");
}
