//! The help is what `tests/help` has.

use std::{fs, path::Path, process::Command};

#[test]
fn the_help_is_as_it_was_read_last() {
    let cases: [(&str, &[&str]); 27] = [
        ("hookline", &["--help"]),
        ("dlq", &["dlq", "--help"]),
        ("dlq-list", &["dlq", "list", "--help"]),
        ("dlq-show", &["dlq", "show", "--help"]),
        ("dlq-redrive", &["dlq", "redrive", "--help"]),
        ("dlq-purge", &["dlq", "purge", "--help"]),
        ("replay", &["replay", "--help"]),
        ("retry", &["retry", "--help"]),
        ("trace", &["trace", "--help"]),
        ("cost", &["cost", "--help"]),
        ("store", &["store", "--help"]),
        ("store-add", &["store", "add", "--help"]),
        ("store-list", &["store", "list", "--help"]),
        ("store-show", &["store", "show", "--help"]),
        ("store-remove", &["store", "remove", "--help"]),
        ("webhooks", &["webhooks", "--help"]),
        ("webhooks-register", &["webhooks", "register", "--help"]),
        ("webhooks-list", &["webhooks", "list", "--help"]),
        ("webhooks-check", &["webhooks", "check", "--help"]),
        ("token", &["token", "--help"]),
        ("token-create", &["token", "create", "--help"]),
        ("token-list", &["token", "list", "--help"]),
        ("token-revoke", &["token", "revoke", "--help"]),
        ("token-change", &["token", "change", "--help"]),
        ("resync", &["resync", "--help"]),
        ("reconcile", &["reconcile", "--help"]),
        ("index", &["index", "--help"]),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help");
    let mut differ = Vec::new();
    for (name, arguments) in cases {
        let said = Command::new(env!("CARGO_BIN_EXE_hookline"))
            .args(arguments)
            .env_clear()
            .output()
            .unwrap();
        assert!(said.status.success());
        let help = String::from_utf8(said.stdout).unwrap();
        assert!(
            help.lines().all(|line| line.chars().count() <= 100),
            "{name} has a line that is too long"
        );
        let path = folder.join(format!("{name}.txt"));
        if fs::read_to_string(&path).unwrap_or_default() != help {
            differ.push(format!(
                "cargo run -qp hookline-cli -- {} > {}",
                arguments.join(" "),
                path.display()
            ));
        }
    }
    assert!(
        differ.is_empty(),
        "the help has changed; read it, then:\n{}",
        differ.join("\n")
    );
}

#[test]
fn what_is_missing_is_told_with_how_to_get_it() {
    let run = |arguments: &[&str]| {
        let said = Command::new(env!("CARGO_BIN_EXE_hookline"))
            .args(arguments)
            .env_clear()
            .output()
            .unwrap();
        (said.status.code(), String::from_utf8(said.stderr).unwrap())
    };
    let (status, said) = run(&["dlq", "list"]);
    assert_eq!(status, Some(2));
    assert!(
        said.contains("DEAD_LETTER_QUEUE_URL is not set") && said.contains("make --silent where"),
        "{said}"
    );
    let (status, said) = run(&["replay"]);
    assert_eq!(status, Some(2));
    assert!(said.contains("--id <ID>|--store <STORE>|--file <FILE>"), "{said}");
}
