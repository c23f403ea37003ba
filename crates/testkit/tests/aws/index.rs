//! The index in OpenSearch.

use std::time::Duration;

use hookline_aws::{Aws, IndexCheck, OpenSearchConfig, Signing, Timeouts};
use hookline_domain::{
    catalogue::index::{Documents, Index, IndexChange, IndexOutcome, Search, SearchError, SearchQuery},
    kernel::{port::PortError, text::Words},
};
use hookline_testkit::{
    builders::{document, product, store, version},
    contract::index::put,
    emulator::{FixedServer, sdk_config, silent},
    osmem::Osmem,
    proxy::Proxy,
};
use opensearch::{
    OpenSearch,
    http::transport::Transport,
    indices::{IndicesCreateParts, IndicesGetMappingParts, IndicesGetSettingsParts},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::causes;

/// A client of the server, for requests that our adapter never sends.
fn server(osmem: &Osmem) -> OpenSearch {
    OpenSearch::new(Transport::single_node(osmem.url()).expect("the emulator has a valid URL"))
}

#[tokio::test]
async fn rejected_document_does_not_fail_the_others() {
    let osmem = Osmem::start().await;
    // An index with a foreign mapping, in which handles are numbers.
    server(&osmem)
        .indices()
        .create(IndicesCreateParts::Index("hookline"))
        .body(json!({"mappings": {"dynamic": false, "properties": {"handle": {"type": "long"}}}}))
        .send()
        .await
        .unwrap();
    let index = osmem.index().await;
    let changes = [("1", Some("1")), ("2", Some("Secret Title")), ("3", None)].map(|(id, handle)| {
        let entity = product(&store("demo"), id);
        let mut document = document(&entity, "Iron Kettle", "");
        document.handle = handle.map(str::to_owned);
        IndexChange::Put {
            entity,
            version: version(1),
            document: Box::new(document),
        }
    });
    let outcomes = index.apply(&changes).await.unwrap();
    let reason = "mapper_parsing_exception".to_owned();
    assert_eq!(
        outcomes,
        [
            IndexOutcome::Applied,
            IndexOutcome::Rejected { reason },
            IndexOutcome::Applied
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrently_created_index_has_our_mapping() {
    let osmem = Osmem::start().await;
    let (one, other) = (osmem.index().await, osmem.index().await);
    let store = store("demo");
    let changes = [
        [put(&product(&store, "1"), 1, "One")],
        [put(&product(&store, "2"), 1, "Two")],
    ];
    let (one_applied, other_applied) = tokio::join!(one.apply(&changes[0]), other.apply(&changes[1]));
    assert_eq!(one_applied.unwrap(), [IndexOutcome::Applied]);
    assert_eq!(other_applied.unwrap(), [IndexOutcome::Applied]);
    let mapping = server(&osmem)
        .indices()
        .get_mapping(IndicesGetMappingParts::Index(&["hookline"]))
        .send()
        .await
        .unwrap();
    let mapping: Value = mapping.json().await.unwrap();
    // With the server's dynamic mapping, it would be a text field.
    assert_eq!(
        mapping["hookline"]["mappings"]["properties"]["store"]["type"],
        "keyword"
    );
}

#[tokio::test]
async fn outcomes_of_several_requests_are_in_order() {
    let osmem = Osmem::start().await;
    let index = osmem.index().await;
    let store = store("demo");
    let (first, last) = (product(&store, "first"), product(&store, "last"));
    let mut changes = vec![put(&first, 2, "First Lamp")];
    changes.extend((0..1000).map(|id| put(&product(&store, &id.to_string()), 1, "Lamp")));
    changes.push(put(&first, 1, "Older Lamp"));
    changes.push(put(&last, 1, "Last Lamp"));
    let outcomes = index.apply(&changes).await.unwrap();
    assert_eq!(outcomes.len(), 1003);
    assert_eq!(outcomes[1001], IndexOutcome::Superseded);
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == IndexOutcome::Applied)
            .count(),
        1002
    );
}

fn unavailable(failure: SearchError) -> PortError {
    match failure {
        SearchError::Unavailable(failure) => failure,
        SearchError::Refused { reason } => panic!("refused for good: {reason}"),
    }
}

#[tokio::test]
async fn failing_index_is_unavailable_and_not_quoted() {
    for (status, body) in [
        (
            503,
            r#"{"error":{"type":"unavailable","reason":"Secret Title"},"status":503}"#,
        ),
        (403, r#"{"error":"Secret Title"}"#),
        (429, "<html>Secret Title"),
    ] {
        let server = FixedServer::start(status, body).await;
        let aws = Aws::with_config(sdk_config(server.url()).await, Timeouts::Interactive);
        let config = OpenSearchConfig {
            url: server.url().to_owned(),
            index: "hookline".to_owned(),
            signing: Signing::Aoss,
            replicas: None,
        };
        let index = aws.index(&config).unwrap();
        let change = put(&product(&store("demo"), "1"), 1, "Secret Title");
        let query = SearchQuery {
            store: store("demo"),
            observed_after: None,
            words: Words::new("lamp"),
            limit: 1,
        };
        for failed in [
            index.apply(&[change]).await.unwrap_err(),
            unavailable(index.search(&query).await.unwrap_err()),
        ] {
            let causes = causes(&failed).join(": ");
            assert!(causes.contains(&status.to_string()), "{causes}");
            assert!(!causes.contains("Secret"), "{causes}");
        }
    }
}

#[tokio::test]
async fn final_refusal_of_a_search_differs_from_a_retryable_one() {
    let search = async |status, body: &str| {
        let server = FixedServer::start(status, body).await;
        let index = Osmem::index_at(server.url()).await;
        let query = SearchQuery {
            store: store("demo"),
            observed_after: None,
            words: Words::new("lamp"),
            limit: 1,
        };
        index.search(&query).await
    };
    for (status, body, reason) in [
        (
            400,
            r#"{"error":{"type":"parsing_exception","reason":"Secret"}}"#,
            "parsing_exception",
        ),
        (400, "no JSON", "unnamed"),
        (
            400,
            r#"{"error":{"root_cause":[{"type":"too_many_clauses","reason":"x"}],"type":"search_phase_execution_exception"}}"#,
            "too_many_clauses",
        ),
        (
            500,
            r#"{"error":{"root_cause":[{"type":"too_many_nested_clauses","reason":"x"}],"type":"search_phase_execution_exception"}}"#,
            "too_many_nested_clauses",
        ),
    ] {
        match search(status, body).await {
            Err(SearchError::Refused { reason: refused }) => assert_eq!(refused, reason),
            other => panic!("{status} {body}: {other:?}"),
        }
    }
    for (status, body, cause) in [
        (429, r#"{"error":{"type":"too_many_requests"}}"#, "429"),
        (503, "", "503"),
        (404, r#"{"error":{"type":"Not Found"}}"#, "404"),
        (
            403,
            r#"{"error":{"type":"security_exception","reason":"no permissions"}}"#,
            "map this function's role",
        ),
        (403, r#"{"Message":"User is not authorized"}"#, "access policy"),
        (
            200,
            r#"{"timed_out":true,"hits":{"total":{"value":1},"hits":[]}}"#,
            "stopped looking after 2s",
        ),
        (
            200,
            r#"{"_shards":{"failed":1},"hits":{"total":{"value":1},"hits":[]}}"#,
            "1 shards of the index failed",
        ),
        (200, "{}", "index"),
    ] {
        let failure = unavailable(search(status, body).await.unwrap_err());
        let causes = causes(&failure).join(": ");
        assert!(causes.contains(cause), "{causes}");
    }
    let nothing = search(404, r#"{"error":{"type":"index_not_found_exception"}}"#).await;
    assert_eq!(nothing.unwrap().total, 0);
}

#[tokio::test]
async fn index_check_distinguishes_a_refusal_from_no_response() {
    let check = async |url: &str| Osmem::index_at(url).await.check().await.map(|(_, check)| check);
    let osmem = Osmem::start().await;
    assert_eq!(check(osmem.url()).await, [IndexCheck::Missing, IndexCheck::Missing]);
    let index = osmem.index().await;
    index
        .apply(&[put(&product(&store("demo"), "1"), 1, "One")])
        .await
        .unwrap();
    assert_eq!(check(osmem.url()).await, [IndexCheck::Answered, IndexCheck::Answered]);
    let server = FixedServer::start(403, r#"{"error":{"type":"security_exception"}}"#).await;
    let [IndexCheck::Refused(_), IndexCheck::Refused(message)] = check(server.url()).await else {
        panic!("no refusal");
    };
    assert!(message.contains("fine-grained access control"), "{message}");
    let (listener, url) = silent().await;
    drop(listener);
    assert!(matches!(
        check(&url).await,
        [IndexCheck::Unanswered(_), IndexCheck::Unanswered(_)]
    ));
}

/// Requests whose permissions docs/opensearch.md lists.
#[tokio::test]
async fn requests_to_the_index_are_the_documented_ones() {
    let osmem = Osmem::start().await;
    let proxy = Proxy::start(osmem.url(), |_| None).await;
    let index = Osmem::index_at(proxy.url()).await;
    index
        .apply(&[put(&product(&store("demo"), "1"), 1, "One")])
        .await
        .unwrap();
    let query = SearchQuery {
        store: store("demo"),
        observed_after: None,
        words: Words::new("one"),
        limit: 1,
    };
    index.search(&query).await.unwrap();
    index.find(&product(&store("demo"), "1")).await.unwrap();
    let documented = [
        "HEAD /hookline",
        "PUT /hookline",
        "POST /hookline/_bulk",
        "POST /hookline/_search",
        "POST /hookline/_mget",
    ];
    assert_eq!(proxy.requests(), documented);
    let document = include_str!("../../../../docs/opensearch.md");
    for request in documented {
        let row = format!("| `{}` |", request.replace("hookline", "<index>"));
        assert!(document.contains(&row), "docs/opensearch.md has no row for {request}");
    }
    // The roles to create have exactly the permissions of that table.
    let rows = document.lines().filter(|line| {
        documented
            .iter()
            .any(|request| line.starts_with(&format!("| `{}", request.replace("hookline", "<index>"))))
    });
    let permissions = rows
        .flat_map(|row| row.split('`'))
        .filter(|word| word.starts_with("indices:"));
    for permission in permissions {
        let in_a_role = format!("\"{permission}\"");
        assert!(
            document.contains(&in_a_role),
            "no role of docs/opensearch.md has {permission}"
        );
    }
}

#[tokio::test]
async fn created_index_has_the_configured_replicas() {
    let osmem = Osmem::start().await;
    let aws = Aws::with_config(sdk_config(osmem.url()).await, Timeouts::Queue);
    let config = OpenSearchConfig::new(osmem.url(), "hookline", None).unwrap();
    let index = aws.index(&config.with_replicas(Some(2))).unwrap();
    index
        .apply(&[put(&product(&store("demo"), "1"), 1, "One")])
        .await
        .unwrap();
    let settings = server(&osmem)
        .indices()
        .get_settings(IndicesGetSettingsParts::Index(&["hookline"]))
        .send()
        .await
        .unwrap();
    let settings: Value = settings.json().await.unwrap();
    assert_eq!(
        settings["hookline"]["settings"]["index"]["number_of_replicas"], "2",
        "{settings}"
    );
}

#[tokio::test]
async fn search_does_not_wait_for_a_hanging_index() {
    let (_listener, url) = silent().await;
    let aws = Aws::with_config(sdk_config(&url).await, Timeouts::Interactive);
    let index = aws
        .index(&OpenSearchConfig {
            url,
            index: "hookline".to_owned(),
            signing: Signing::Es,
            replicas: None,
        })
        .unwrap();
    let query = SearchQuery {
        store: store("demo"),
        observed_after: None,
        words: Words::new("lamp"),
        limit: 1,
    };
    let began = Instant::now();
    index.search(&query).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
