//! Responses of this API that the panel's mock stack returns: `web/fixtures/stack.json`.
//!
//! The panel is developed and tested against a mock stack (`web/mock`). Its responses are recorded from this API, so
//! its sentences, codes and addresses are the real ones. `UPDATE_FIXTURES=1 cargo test -p hookline-api` writes the
//! file after a change.

use std::{fs, path::Path};

use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/fixtures/stack.json");

/// Compares the file with the current responses, or writes it if `UPDATE_FIXTURES` is set.
fn compare(responses: &Value) {
    let text = serde_json::to_string_pretty(responses).unwrap() + "\n";
    #[expect(clippy::disallowed_methods, reason = "an option of the developer, in a test only")]
    let should_update = std::env::var_os("UPDATE_FIXTURES").is_some();
    if should_update {
        fs::write(FILE, &text).unwrap();
    }
    let recorded = fs::read_to_string(Path::new(FILE)).unwrap();
    assert_eq!(
        recorded, text,
        "web/fixtures/stack.json differs from the API's responses: UPDATE_FIXTURES=1 cargo test -p hookline-api fixture"
    );
}

#[tokio::test]
async fn mock_stack_of_the_panel_returns_responses_of_this_api() {
    let fixture = demo_fixture().await;
    let (_, me) = fixture
        .request("GET /api/me", &[], Some(&principal(Role::Admin, Reach::All)))
        .await;
    compare(&json!({
        "now": noon(),
        "me": me,
    }));
}
