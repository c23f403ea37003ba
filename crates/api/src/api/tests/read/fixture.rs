//! Answers of this API that the panel's made-up stack gives as its own: `web/fixtures/stack.json`.
//!
//! The panel is tried and tested against a stack that is made up (`web/mock`). What that says is not made up: it takes these
//! answers, so its sentences, codes and addresses are those that people see. `UPDATE_FIXTURES=1 cargo test -p hookline-lambda`
//! writes the file after a change.

use std::{fs, path::Path};

use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/fixtures/stack.json");

/// Holds the file against what is answered now, or writes it if the developer wants that.
fn hold(answers: &Value) {
    let text = serde_json::to_string_pretty(answers).unwrap() + "\n";
    #[expect(clippy::disallowed_methods, reason = "a developer's wish, in a test only")]
    let is_wanted = std::env::var_os("UPDATE_FIXTURES").is_some();
    if is_wanted {
        fs::write(FILE, &text).unwrap();
    }
    let kept = fs::read_to_string(Path::new(FILE)).unwrap();
    assert_eq!(
        kept, text,
        "web/fixtures/stack.json is not what the API answers: UPDATE_FIXTURES=1 cargo test -p hookline-lambda fixture"
    );
}

#[tokio::test]
async fn made_up_stack_of_the_panel_says_what_this_api_says() {
    let world = demo().await;
    let (_, me) = world
        .ask("GET /api/me", &[], Some(&principal(Role::Admin, Reach::All)))
        .await;
    hold(&json!({
        "now": Noon.now(),
        "me": me,
    }));
}
