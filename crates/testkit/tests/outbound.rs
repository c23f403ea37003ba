//! The adapters of outbound events beyond their contracts, against emulators.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hookline_aws::{Aws, Timeouts};
use hookline_domain::{
    catalogue::event_message,
    kernel::port::{Cause, PortError},
    memory,
    outbound::{Bus, Messages, Outboxes, Pool, WakeUp},
};
use hookline_events::Event;
use hookline_host::server;
use hookline_testkit::{
    builders::store,
    contract::{bus, fan_out, wake_ups},
    emulator::{DynamoDb, EVENTS_TABLE, FixedServer, MESSAGES_TABLE, OUTBOXES_TABLE, Sqs, sdk_config},
    eventbridge::EventBridge,
};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:events:eu-central-1:000000000000:event-bus/listeners";

#[tokio::test]
async fn events_arrive_on_the_bus_as_sent() {
    let eventbridge = EventBridge::start().await;
    bus::post_all(&eventbridge.aws().event_bus(eventbridge.bus())).await;
    let expected = bus::events();
    let mut received = eventbridge.receive(expected.len()).await;
    received.sort_by_key(|event| event["detail"]["id"].as_str().unwrap().to_owned());
    for (event, expected) in received.iter().zip(&expected) {
        assert_eq!(event["source"], expected.source);
        assert_eq!(event["detail-type"], expected.detail_type);
        assert_eq!(event["resources"], json!([]));
        let detail = serde_json::to_vec(&event["detail"]).unwrap();
        assert_eq!(
            Event::read(&detail).unwrap(),
            Event::read(expected.detail.as_bytes()).unwrap()
        );
    }
}

#[tokio::test]
async fn request_names_bus_source_type_and_time() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let server = server::start(move |request: Request<Incoming>| {
        let seen = Arc::clone(&seen);
        async move {
            let body = request.into_body().collect().await?.to_bytes();
            let body: Value = serde_json::from_slice(&body)?;
            let count = body["Entries"].as_array().map_or(0, Vec::len);
            seen.lock().unwrap().push(body);
            let entries = vec![json!({"EventId": "1"}); count];
            let body = json!({"FailedEntryCount": 0, "Entries": entries}).to_string();
            Ok::<_, anyhow::Error>(Response::new(Full::from(body)))
        }
    });
    let server = server.await.unwrap();
    let aws = Aws::with_config(sdk_config(&format!("http://{}", server.address)).await, Timeouts::Queue);
    bus::post_all(&aws.event_bus(ARN)).await;
    let requests = requests.lock().unwrap().clone();
    let entries: Vec<&Value> = requests
        .iter()
        .flat_map(|request| request["Entries"].as_array().unwrap())
        .collect();
    for (entry, event) in entries.iter().zip(bus::events()) {
        let expected = json!({
            "EventBusName": ARN,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Detail": event.detail,
            "Time": event.time.as_second(),
        });
        assert_eq!(**entry, expected);
    }
    assert_eq!(entries.len(), bus::events().len());
}

async fn answers(status: u16, body: &str) -> Vec<Result<(), PortError>> {
    let server = FixedServer::start(status, body).await;
    let aws = Aws::with_config(sdk_config(server.url()).await, Timeouts::Queue);
    aws.event_bus(ARN).post(&bus::events()[..2]).await
}

#[tokio::test]
async fn entry_that_the_bus_refuses_is_posted_again() {
    // The second entry is refused; alone, it is the first.
    let outcomes = answers(
        200,
        r#"{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"ThrottlingException","ErrorMessage":"Secret"}]}"#,
    )
    .await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test]
async fn entry_that_the_bus_keeps_refusing_fails_alone() {
    let outcomes = answers(
        200,
        r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"Secret"},{"EventId":"1"}]}"#,
    )
    .await;
    let failure = outcomes[0].as_ref().unwrap_err();
    assert_eq!(failure.cause, Cause::Throttled);
    assert_eq!(failure.to_string(), "event bus is throttled (ThrottlingException)");
    assert!(!format!("{failure:?}").contains("Secret"));
    assert!(outcomes[1].is_ok());
}

#[tokio::test]
async fn answer_without_outcomes_is_a_failure_of_all() {
    for body in ["{}", r#"{"FailedEntryCount":0,"Entries":[]}"#, r#"{"Entries":[{},{}]}"#] {
        let outcomes = answers(200, body).await;
        assert!(outcomes.iter().all(Result::is_err), "{body}");
    }
    let outcomes = answers(400, r#"{"__type":"ResourceNotFoundException","message":"no such bus"}"#).await;
    for outcome in outcomes {
        assert_eq!(outcome.unwrap_err().cause, Cause::Missing);
    }
}

#[tokio::test]
async fn events_arrive_in_the_fan_out_queue_by_store() {
    let sqs = Sqs::start().await;
    let queue = sqs.aws().fan_out(sqs.queue_url()).taking_at_most(Sqs::LARGEST_MESSAGE);
    fan_out::send_all(&queue).await;
    let groups = sqs.groups();
    let mut messages = Vec::new();
    while messages.len() < groups.len() {
        messages.extend(sqs.receive().await);
    }
    let mut events: Vec<Event> = Vec::new();
    for message in &messages {
        let opened = event_message::open(message).unwrap();
        events.extend(opened.events.into_iter().map(|event| event.unwrap().event));
    }
    events.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(events, fan_out::events());
    let of_demo = Some("shopify#demo.myshopify.com".to_owned());
    let of_other = Some("shopify#other.myshopify.com".to_owned());
    assert!(groups.len() > 2, "one message per store is too few");
    assert!(groups.iter().all(|group| [&of_demo, &of_other].contains(&group)));
}

#[tokio::test]
async fn wake_ups_arrive_in_the_queue_of_their_pool_by_endpoint() {
    let sqs = Sqs::start().await;
    let slow = sqs.another_queue("slow").await;
    wake_ups::send_all(&sqs.aws().wake_ups(sqs.queue_url(), &slow)).await;
    let sent = sqs.sent();
    assert_eq!(sent.len(), wake_ups::wake_ups().len());
    for (request, (endpoint, pool, delay)) in sent.iter().zip(wake_ups::wake_ups()) {
        let url = match pool {
            Pool::Fast => sqs.queue_url(),
            Pool::Slow => &slow,
        };
        assert_eq!(request["QueueUrl"], url);
        assert_eq!(request["MessageGroupId"], endpoint.id.as_str());
        let body = request["MessageBody"].as_str().unwrap();
        assert_eq!(WakeUp::parse(body).unwrap().endpoint, endpoint);
        // Rounded up, because one that comes too early finds nothing.
        let seconds = Duration::from_secs(request["DelaySeconds"].as_u64().unwrap());
        assert!(
            seconds >= delay && seconds < delay + Duration::from_secs(1),
            "{seconds:?}"
        );
    }
    // Of those in the fast pool, one is not delayed.
    assert_eq!(sqs.receive().await, [r#"{"endpoint":"* ep_1"}"#]);
}

#[tokio::test]
async fn batch_that_stays_unprocessed_is_a_failure_and_nothing_is_missing() {
    let (_alive, aws) = DynamoDb::start().await.in_parts(0).await;
    let endpoint = "* ep_1".parse().unwrap();
    let pair = (store("demo"), memory::event(&store("demo"), 1).id);
    let messages = aws.messages(MESSAGES_TABLE, EVENTS_TABLE);
    let failure = messages.find(&endpoint, &[pair]).await.unwrap_err();
    assert_eq!((failure.port, failure.cause), ("messages", Cause::Throttled));
    let outboxes = aws.outboxes(OUTBOXES_TABLE);
    let key = format!("1796040000000000#{}#0", memory::event(&store("demo"), 1).id);
    let failure = outboxes.remove(&endpoint, &[key.parse().unwrap()]).await.unwrap_err();
    assert_eq!((failure.port, failure.cause), ("outboxes", Cause::Throttled));
}
