//! `hookline token`.

use hookline_domain::access::{
    Role,
    token::{PresentedToken, Token, TokenError, Tokens},
};
use hookline_testkit::{builders::store, emulator::ACCESS_TABLE};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::harness::{Said, Stack, finish};

async fn token(stack: &Stack, arguments: &[&str]) -> Said {
    let mut command = stack.hookline(&[&["token"], arguments].concat());
    finish(command.env("ACCESS_TABLE", ACCESS_TABLE).spawn().unwrap()).await
}

async fn kept(stack: &Stack, borne: &PresentedToken) -> Token {
    let access = stack.dynamodb.aws().access(ACCESS_TABLE);
    access.find(borne.id()).await.unwrap().unwrap()
}

async fn made(stack: &Stack) -> PresentedToken {
    let said = token(stack, &["create", "--role", "viewer", "--store", "demo.myshopify.com"]).await;
    assert_eq!(said.status, 0, "{said:?}");
    PresentedToken::parse(said.out.trim_end()).unwrap()
}

#[tokio::test]
async fn a_token_is_made_for_what_was_said_and_shown_once() {
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
    let said = token(&stack, &arguments).await;
    let told = said.object();
    let text = told["token"].as_str().unwrap();
    let borne = PresentedToken::parse(text).unwrap();
    assert_eq!(told["stores"], json!(["demo.myshopify.com", "other.myshopify.com"]));
    assert_eq!(
        (&told["role"], &told["state"], &told["name"]),
        (&json!("admin"), &json!("good"), &json!("Ana's"))
    );
    assert!(
        !said.err.contains(text) && said.err.contains(&borne.id().to_string()),
        "{said:?}"
    );
    let principal = kept(&stack, &borne).await.principal(&borne, Timestamp::now()).unwrap();
    assert_eq!(principal.role, Role::Admin);
    assert!(principal.may_see(&store("other")) && !principal.may_see(&store("third")));
    let left = Timestamp::now().duration_until(principal.expires_at);
    assert!(left <= SignedDuration::from_hours(8) && left > SignedDuration::from_mins(7 * 60 + 50));

    // Without --json there is nothing but the token on standard output, and it is for a month.
    let borne = made(&stack).await;
    let listed = token(&stack, &["list", "--json"]).await;
    assert_eq!(listed.objects().len(), 2);
    assert!(!listed.out.contains(text) && !listed.out.contains(borne.text().reveal()));
    assert!(token(&stack, &["list"]).await.out.contains(&borne.id().to_string()));
    let left = Timestamp::now().duration_until(kept(&stack, &borne).await.expires_at);
    assert!(left > SignedDuration::from_hours(29 * 24));
}

#[tokio::test]
async fn a_token_is_changed_and_revoked_by_its_id() {
    let stack = Stack::start().await;
    let borne = made(&stack).await;
    let id = borne.id().to_string();
    let said = token(&stack, &["change", &id, "--role", "admin", "--json"]).await;
    assert_eq!((said.status, &said.object()["role"]), (0, &json!("admin")));
    let said = token(&stack, &["change", &id, "--all-stores", "--json"]).await;
    assert_eq!(
        (&said.object()["role"], &said.object()["stores"]),
        (&json!("admin"), &json!(["*"]))
    );
    let said = token(&stack, &["revoke", &id, "--json"]).await;
    assert_eq!((said.status, &said.object()["state"]), (0, &json!("revoked")));
    let now = Timestamp::now();
    assert_eq!(
        kept(&stack, &borne).await.principal(&borne, now),
        Err(TokenError::Revoked)
    );
    assert_eq!(token(&stack, &["revoke", &id]).await.status, 0);
    let said = token(&stack, &["change", &id, "--role", "viewer"]).await;
    assert!(said.status == 2 && said.err.contains("revoked"), "{said:?}");
    let listed: Vec<Value> = token(&stack, &["list", "--json"]).await.objects();
    assert_eq!(listed[0]["state"], "revoked");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_reason() {
    let stack = Stack::start().await;
    let create = ["create", "--role", "viewer"];
    let many: Vec<String> = (0..200).map(|n| format!("--store=store-{n}.myshopify.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cases: [(&[&str], &str); 11] = [
        (&[], "--all-stores"),
        (&["--store", "a.myshopify.com", "--all-stores"], "cannot be used with"),
        (&["--store", "demo"], "as in demo.myshopify.com"),
        (&["--store", "square#demo.myshopify.com"], "as in demo.myshopify.com"),
        (&["--store", "a b"], "as in demo.myshopify.com"),
        (&["--store", "demo.myshopify.com."], "as in demo.myshopify.com"),
        (&["--all-stores", "--expires", "0s"], "366d"),
        (&["--all-stores", "--expires", "367d"], "366d"),
        (&["--all-stores", "--expires", "soon"], "not an age"),
        (&["--all-stores", "--name", "a\nb"], "one line"),
        (&many, "more stores than one token can name"),
    ];
    for (more, told) in cases {
        let said = token(&stack, &[&create, more].concat()).await;
        assert!(said.status == 2 && said.err.contains(told), "{said:?}");
        assert_eq!(said.out, "");
    }
    let unknown = "tok_aaaaaaaaaaaaaaaa";
    let others: [(&[&str], &str); 5] = [
        (&["create", "--role", "owner", "--all-stores"], "`viewer` or `admin`"),
        (&["revoke", unknown], "there is no token"),
        (&["revoke", "hl_aaaa"], "`tok_`"),
        (&["change", unknown], "say what to change"),
        (&["change", unknown, "--role", "admin"], "there is no token"),
    ];
    for (arguments, told) in others {
        let said = token(&stack, arguments).await;
        assert!(said.status == 2 && said.err.contains(told), "{said:?}");
    }
    assert_eq!(token(&stack, &["list", "--json"]).await.out, "");
}
