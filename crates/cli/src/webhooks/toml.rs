//! Block of `shopify.app.toml` that subscribes an app in all its stores
//! (<https://shopify.dev/docs/apps/build/webhooks/subscribe>).

use hookline_sources::{
    Families,
    shopify::{Subscribing, Topic, address, included, subscribing},
};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

/// Returns the block for receivers below `base`.
pub fn block(base: &str, api_version: &str, families: &Families, fields: &[String]) -> String {
    let mut subscriptions = ArrayOfTables::new();
    for topic in Topic::ALL
        .into_iter()
        .filter(|topic| families.listen_to(topic.family()))
    {
        subscriptions.push(subscription(base, topic, families, fields));
    }
    let mut webhooks = Table::new();
    webhooks["api_version"] = value(api_version);
    webhooks["subscriptions"] = Item::ArrayOfTables(subscriptions);
    let mut document = DocumentMut::new();
    document["webhooks"] = Item::Table(webhooks);
    document.to_string()
}

/// One `[[webhooks.subscriptions]]`, indented as Shopify CLI writes it.
fn subscription(base: &str, topic: Topic, families: &Families, fields: &[String]) -> Table {
    let (key, scope, if_unwanted) = match subscribing(topic) {
        Subscribing::ForTheApp => ("compliance_topics", None, ""),
        Subscribing::ForAStore { scope, is_needed: true } => ("topics", scope.filter(|_| topic.family().is_some()), ""),
        Subscribing::ForAStore {
            scope,
            is_needed: false,
        } => ("topics", scope, "; leave it out if nobody watches orders"),
    };
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n  ");
    table[key] = list([topic.name()]);
    if let (Some(scope), Some(topics)) = (scope, table[key].as_value_mut()) {
        let note = format!(" # needs the scope {scope}{if_unwanted}");
        topics.decor_mut().set_suffix(note);
    }
    table["uri"] = value(address(base, topic));
    let fields = included(topic, families, fields);
    if !fields.is_empty() {
        table["include_fields"] = list(&fields);
    }
    for (mut key, _) in table.iter_mut() {
        key.leaf_decor_mut().set_prefix("  ");
    }
    table
}

/// An array with spaces inside: `[ "a", "b" ]`.
fn list<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Item {
    let mut array: Array = values.into_iter().collect();
    if let Some(first) = array.get_mut(0) {
        first.decor_mut().set_prefix(" ");
    }
    array.set_trailing(" ");
    value(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_subscribed_once_at_its_receiver() {
        let text = block(
            "https://example.com/api/webhooks/receive/shopify",
            "2026-10",
            &Families::all(),
            &[],
        );
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
    }

    #[test]
    fn topics_about_people_are_never_sent_whole_and_unwanted_ones_not_at_all() {
        let text = block("https://example.com", "2026-10", &Families::default(), &[]);
        for fields in [
            r#"include_fields = [ "id", "updated_at", "admin_graphql_api_id" ]"#,
            r#"include_fields = [ "id", "updated_at", "myshopify_domain" ]"#,
        ] {
            assert_eq!(text.matches(fields).count(), 1, "{text}");
        }
        assert_eq!(text.matches("include_fields").count(), 2, "{text}");
        assert_eq!(text.matches("uri").count(), 12, "{text}");
        let text = block("https://example.com", "2026-10", &Families::all(), &[]);
        assert_eq!(text.matches("include_fields").count(), 13, "{text}");
        let note = "topics = [ \"customers/update\" ] # needs the scope read_customers\n";
        assert_eq!(text.matches(note).count(), 1, "{text}");
    }

    #[test]
    fn block_is_toml_with_a_note_on_each_optional_topic() {
        let text = block("https://example.com", "2026-10", &Families::default(), &[]);
        let parsed: DocumentMut = text.parse().unwrap();
        let subscriptions = parsed["webhooks"]["subscriptions"].as_array_of_tables().unwrap();
        assert_eq!(subscriptions.len(), 12);
        assert_eq!(
            subscriptions.get(0).unwrap()["uri"].as_str(),
            Some("https://example.com/products-create")
        );
        let note = "topics = [ \"orders/create\" ] # needs the scope read_orders;";
        assert_eq!(text.matches(note).count(), 1, "{text}");
        assert_eq!(text.matches('#').count(), 1, "{text}");
    }

    #[test]
    fn fields_are_chosen_for_products_only_and_never_lose_changes() {
        let text = block(
            "https://example.com",
            "2026-10",
            &Families::default(),
            &["tags".to_owned(), "a\"b".to_owned()],
        );
        let line = r#"  include_fields = [ "id", "updated_at", "title", "admin_graphql_api_id", "tags", 'a"b' ]"#;
        assert_eq!(text.matches(line).count(), 2, "{text}");
        assert_eq!(text.matches("include_fields").count(), 4, "{text}");
    }
}
