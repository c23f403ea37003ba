//! Runs every committed input and a few hundred random ones through every target. Findings of `make fuzz` are added to
//! the corpora.

#![expect(clippy::unwrap_used, reason = "all of this is a test, where a panic is a failure")]

use std::{fs, path::Path};

use hookline_hostile::TARGETS;
use proptest::prelude::*;

fn fuzz() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz"))
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(fuzz().join(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_target_has_a_fuzzer_and_a_corpus() {
    let targets = TARGETS.map(|(name, _)| name.to_owned());
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("corpus"), targets);
}

#[test]
fn every_input_of_the_corpus_keeps_the_promises() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let mut inputs: Vec<_> = fs::read_dir(fuzz().join("corpus").join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        inputs.sort();
        assert!(inputs.len() >= 10, "{name} has {} inputs", inputs.len());
        for input in inputs {
            let data = fs::read(&input).unwrap();
            if std::panic::catch_unwind(|| target(&data)).is_err() {
                broken.push(format!("{name}/{}", input.file_name().unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "inputs that break a promise: {broken:?}");
}

proptest! {
    // Failing inputs belong in the corpus, not in a file of seeds.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_keep_the_promises(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (_, target) in TARGETS {
            target(&data);
        }
    }

    #[test]
    fn any_text_keeps_the_promises(data in "[ -~\n\u{e9}\u{fffe}\u{1f600}]{0,200}") {
        for (_, target) in TARGETS {
            target(data.as_bytes());
        }
    }
}
