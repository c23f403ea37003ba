//! Every topic of every source has a sample that its source recognizes, reads and interprets.

use std::{collections::HashMap, fs, path::Path};

use hookline_sources::{ALL, interpret, read_saved};
use http::HeaderMap;

#[test]
fn sample_of_every_topic_is_read_and_interpreted() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    for platform in ALL {
        let sender = platform.sender;
        for topic in sender.topics {
            let sample = |end: &str| {
                let name = topic.name.replace(['/', '_', '.'], "-");
                let path = events.join(sender.name).join(format!("{name}{end}"));
                fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            };
            let headers: HashMap<String, String> = serde_json::from_slice(&sample(".headers.json")).unwrap();
            let headers = HeaderMap::try_from(&headers).unwrap();
            assert!((platform.recognizes)(&headers), "{}: {}", sender.name, topic.name);
            let delivery = read_saved(&headers, &sample(".json"), "2026-11-21T12:00:00Z".parse().unwrap()).unwrap();
            assert_eq!(delivery.key.store.source.as_str(), sender.name, "{}", topic.name);
            assert_eq!(delivery.key.topic.as_str(), topic.name);
            interpret(&delivery, None).unwrap_or_else(|error| panic!("{}: {error}", topic.name));
        }
    }
}
