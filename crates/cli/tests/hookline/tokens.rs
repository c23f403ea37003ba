//! `hookline token`.

use hookline_domain::access::{
    Role,
    token::{PresentedToken, Token, TokenError, Tokens},
};
use hookline_testkit::{builders::store, emulator::ACCESS_TABLE};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::harness::{CliOutput, Stack, finish};

async fn token(stack: &Stack, arguments: &[&str]) -> CliOutput {
    let mut command = stack.hookline(&[&["token"], arguments].concat());
    finish(command.env("ACCESS_TABLE", ACCESS_TABLE).spawn().unwrap()).await
}

async fn stored_principal(stack: &Stack, borne: &PresentedToken) -> Token {
    let access = stack.dynamodb.aws().access(ACCESS_TABLE);
    access.find(borne.id()).await.unwrap().unwrap()
}

async fn made(stack: &Stack) -> PresentedToken {
    let output = token(stack, &["create", "--role", "viewer", "--store", "demo.myshopify.com"]).await;
    assert_eq!(output.status, 0, "{output:?}");
    PresentedToken::parse(output.out.trim_end()).unwrap()
}

#[tokio::test]
async fn token_is_created_as_requested_and_printed_once() {
    let stack = Stack::start().await;
    let arguments = [
        "create",
        "--role",
        "admin",
        "--store",
        "Demo.myshopify.com",
        "--store",
        "other.myshopify.com",
        "--expires",
        "8h",
        "--name",
        "Ana's",
        "--json",
    ];
    let output = token(&stack, &arguments).await;
    let object = output.object();
    let text = object["token"].as_str().unwrap();
    let borne = PresentedToken::parse(text).unwrap();
    assert_eq!(object["stores"], json!(["demo.myshopify.com", "other.myshopify.com"]));
    assert_eq!(
        (&object["role"], &object["state"], &object["name"]),
        (&json!("admin"), &json!("good"), &json!("Ana's"))
    );
    assert!(
        !output.err.contains(text) && output.err.contains(&borne.id().to_string()),
        "{output:?}"
    );
    let principal = stored_principal(&stack, &borne)
        .await
        .principal(&borne, Timestamp::now())
        .unwrap();
    assert_eq!(principal.role, Role::Admin);
    assert!(principal.may_see(&store("other")) && !principal.may_see(&store("third")));
    let remaining = Timestamp::now().duration_until(principal.expires_at);
    assert!(remaining <= SignedDuration::from_hours(8) && remaining > SignedDuration::from_mins(7 * 60 + 50));

    // Without --json, standard output holds only the token, which is valid for 30 days.
    let borne = made(&stack).await;
    let listed = token(&stack, &["list", "--json"]).await;
    assert_eq!(listed.objects().len(), 2);
    assert!(!listed.out.contains(text) && !listed.out.contains(borne.text().reveal()));
    assert!(token(&stack, &["list"]).await.out.contains(&borne.id().to_string()));
    let remaining = Timestamp::now().duration_until(stored_principal(&stack, &borne).await.expires_at);
    assert!(remaining > SignedDuration::from_hours(29 * 24));
}

#[tokio::test]
async fn token_is_changed_and_revoked_by_its_id() {
    let stack = Stack::start().await;
    let borne = made(&stack).await;
    let id = borne.id().to_string();
    let output = token(&stack, &["change", &id, "--role", "admin", "--json"]).await;
    assert_eq!((output.status, &output.object()["role"]), (0, &json!("admin")));
    let output = token(&stack, &["change", &id, "--all-stores", "--json"]).await;
    assert_eq!(
        (&output.object()["role"], &output.object()["stores"]),
        (&json!("admin"), &json!(["*"]))
    );
    let output = token(&stack, &["revoke", &id, "--json"]).await;
    assert_eq!((output.status, &output.object()["state"]), (0, &json!("revoked")));
    let now = Timestamp::now();
    assert_eq!(
        stored_principal(&stack, &borne).await.principal(&borne, now),
        Err(TokenError::Revoked)
    );
    assert_eq!(token(&stack, &["revoke", &id]).await.status, 0);
    let output = token(&stack, &["change", &id, "--role", "viewer"]).await;
    assert!(output.status == 2 && output.err.contains("revoked"), "{output:?}");
    let listed: Vec<Value> = token(&stack, &["list", "--json"]).await.objects();
    assert_eq!(listed[0]["state"], "revoked");
}

#[tokio::test]
async fn invalid_tokens_are_refused_with_a_reason() {
    let stack = Stack::start().await;
    let create = ["create", "--role", "viewer"];
    let many: Vec<String> = (0..200).map(|n| format!("--store=store-{n}.myshopify.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cases: [(&[&str], &str); 11] = [
        (&[], "--all-stores"),
        (&["--store", "a.myshopify.com", "--all-stores"], "cannot be used with"),
        (&["--store", "demo"], "as in demo.myshopify.com"),
        (&["--store", "acme#demo.myshopify.com"], "as in demo.myshopify.com"),
        (&["--store", "a b"], "as in demo.myshopify.com"),
        (&["--store", "demo.myshopify.com."], "as in demo.myshopify.com"),
        (&["--all-stores", "--expires", "0s"], "366d"),
        (&["--all-stores", "--expires", "367d"], "366d"),
        (&["--all-stores", "--expires", "soon"], "not an age"),
        (&["--all-stores", "--name", "a\nb"], "one line"),
        (&many, "more stores than one token can name"),
    ];
    for (more, expected) in cases {
        let output = token(&stack, &[&create, more].concat()).await;
        assert!(output.status == 2 && output.err.contains(expected), "{output:?}");
        assert_eq!(output.out, "");
    }
    let unknown = "tok_aaaaaaaaaaaaaaaa";
    let others: [(&[&str], &str); 5] = [
        (&["create", "--role", "owner", "--all-stores"], "`viewer` or `admin`"),
        (&["revoke", unknown], "there is no token"),
        (&["revoke", "hl_aaaa"], "`tok_`"),
        (&["change", unknown], "give something to change"),
        (&["change", unknown, "--role", "admin"], "there is no token"),
    ];
    for (arguments, expected) in others {
        let output = token(&stack, arguments).await;
        assert!(output.status == 2 && output.err.contains(expected), "{output:?}");
    }
    assert_eq!(token(&stack, &["list", "--json"]).await.out, "");
}
