//! The block of `shopify.app.toml` that subscribes an app in all its stores
//! (<https://shopify.dev/docs/apps/build/webhooks/subscribe>).

use std::fmt::Write;

use hookline_sources::shopify::{Subscribing, Topic, address, included, subscribing};

/// The block, for receivers below `base`.
pub fn block(base: &str, api_version: &str, fields: &[String]) -> String {
    let mut text = format!("[webhooks]\napi_version = {}\n", quoted(api_version));
    for topic in Topic::ALL {
        let (key, note) = match subscribing(topic) {
            Subscribing::ForTheApp => ("compliance_topics", String::new()),
            Subscribing::ForAStore { scope, is_needed } => (
                "topics",
                scope
                    .filter(|_| !is_needed)
                    .map(|scope| format!(" # needs the scope {scope}; leave it out if nobody follows orders"))
                    .unwrap_or_default(),
            ),
        };
        let fields = match included(topic, fields) {
            fields if fields.is_empty() => String::new(),
            fields => {
                let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
                format!("  include_fields = [ {} ]\n", fields.join(", "))
            }
        };
        // Writing to a text cannot fail.
        let _infallible = write!(
            text,
            "\n  [[webhooks.subscriptions]]\n  {key} = [ {} ]{note}\n  uri = {}\n{fields}",
            quoted(topic.name()),
            quoted(&address(base, topic)),
        );
    }
    text
}

/// A basic string of TOML (<https://toml.io/en/v1.0.0#string>). JSON's escapes are a part of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_in_it_once_at_its_receiver() {
        let text = block("https://example.com/api/webhooks/receive/shopify", "2026-10", &[]);
        assert!(text.starts_with("[webhooks]\napi_version = \"2026-10\"\n"), "{text}");
        for topic in Topic::ALL {
            let key = match subscribing(topic) {
                Subscribing::ForTheApp => "compliance_topics",
                Subscribing::ForAStore { .. } => "topics",
            };
            let named = format!("\n  {key} = [ \"{}\" ]", topic.name());
            assert_eq!(text.matches(&named).count(), 1, "{named} in {text}");
            let uri = format!("/receive/shopify/{}\"\n", topic.function());
            assert_eq!(text.matches(&uri).count(), 1, "{uri} in {text}");
        }
        // What is about people is never sent whole.
        for fields in [
            r#"include_fields = [ "id", "updated_at", "admin_graphql_api_id" ]"#,
            r#"include_fields = [ "id", "updated_at", "myshopify_domain" ]"#,
        ] {
            assert_eq!(text.matches(fields).count(), 1, "{text}");
        }
        assert_eq!(text.matches("include_fields").count(), 2, "{text}");
    }

    #[test]
    fn only_products_are_reduced_and_never_to_what_loses_changes() {
        let text = block(
            "https://example.com",
            "2026-10",
            &["tags".to_owned(), "a\"b".to_owned()],
        );
        let line = r#"  include_fields = [ "id", "updated_at", "title", "admin_graphql_api_id", "tags", "a\"b" ]"#;
        assert_eq!(text.matches(line).count(), 2, "{text}");
        assert_eq!(text.matches("include_fields").count(), 4, "{text}");
    }
}
