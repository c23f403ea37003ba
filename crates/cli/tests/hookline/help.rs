//! `--help`, errors of the command line, and completion scripts. The help texts are in `tests/help`.

use std::{fs, path::Path, process::Command};

#[test]
fn help_matches_the_reviewed_texts() {
    let cases: [(&str, &[&str]); 62] = [
        ("hookline", &["--help"]),
        ("listen", &["listen", "--help"]),
        ("dlq", &["dlq", "--help"]),
        ("dlq-list", &["dlq", "list", "--help"]),
        ("dlq-show", &["dlq", "show", "--help"]),
        ("dlq-redrive", &["dlq", "redrive", "--help"]),
        ("dlq-fan-out", &["dlq", "fan-out", "--help"]),
        ("dlq-fan-out-list", &["dlq", "fan-out", "list", "--help"]),
        ("dlq-fan-out-redrive", &["dlq", "fan-out", "redrive", "--help"]),
        ("dlq-purge", &["dlq", "purge", "--help"]),
        ("replay", &["replay", "--help"]),
        ("retry", &["retry", "--help"]),
        ("trace", &["trace", "--help"]),
        ("event", &["event", "--help"]),
        ("event-list", &["event", "list", "--help"]),
        ("event-show", &["event", "show", "--help"]),
        ("event-publish", &["event", "publish", "--help"]),
        ("event-why", &["event", "why", "--help"]),
        ("endpoint", &["endpoint", "--help"]),
        ("endpoint-list", &["endpoint", "list", "--help"]),
        ("endpoint-show", &["endpoint", "show", "--help"]),
        ("endpoint-add", &["endpoint", "add", "--help"]),
        ("endpoint-change", &["endpoint", "change", "--help"]),
        ("endpoint-pause", &["endpoint", "pause", "--help"]),
        ("endpoint-activate", &["endpoint", "activate", "--help"]),
        ("endpoint-test", &["endpoint", "test", "--help"]),
        ("endpoint-rotate", &["endpoint", "rotate", "--help"]),
        ("endpoint-remove", &["endpoint", "remove", "--help"]),
        ("endpoint-status", &["endpoint", "status", "--help"]),
        ("endpoint-stats", &["endpoint", "stats", "--help"]),
        ("endpoint-replay", &["endpoint", "replay", "--help"]),
        ("endpoint-check", &["endpoint", "check", "--help"]),
        ("message", &["message", "--help"]),
        ("message-list", &["message", "list", "--help"]),
        ("message-show", &["message", "show", "--help"]),
        ("message-retry", &["message", "retry", "--help"]),
        ("cost", &["cost", "--help"]),
        ("completions", &["completions", "--help"]),
        ("store", &["store", "--help"]),
        ("store-add", &["store", "add", "--help"]),
        ("store-list", &["store", "list", "--help"]),
        ("store-show", &["store", "show", "--help"]),
        ("store-remove", &["store", "remove", "--help"]),
        ("source", &["source", "--help"]),
        ("source-add", &["source", "add", "--help"]),
        ("source-list", &["source", "list", "--help"]),
        ("source-show", &["source", "show", "--help"]),
        ("source-rotate", &["source", "rotate", "--help"]),
        ("source-remove", &["source", "remove", "--help"]),
        ("source-check", &["source", "check", "--help"]),
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
        let output = Command::new(env!("CARGO_BIN_EXE_hookline"))
            .args(arguments)
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).unwrap();
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

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_hookline"))
        .args(arguments)
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn missing_settings_are_named_with_the_command_that_sets_them() {
    let (status, _, stderr) = run(&["dlq", "list"]);
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("DEAD_LETTER_QUEUE_URL is not set") && stderr.contains("make --silent where"),
        "{stderr}"
    );
    let (status, _, stderr) = run(&["replay"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("--id <ID>|--store <STORE>|--file <FILE>"), "{stderr}");
}

#[test]
fn misspelled_commands_and_options_get_a_suggestion() {
    for (arguments, right) in [
        (&["dlq", "redirve"][..], "'redrive'"),
        (&["dlq", "list", "--older-then", "2h"], "'--older-than'"),
    ] {
        let (status, _, stderr) = run(arguments);
        assert_eq!(status, Some(2));
        assert!(stderr.contains(right), "{stderr}");
        assert!(!stderr.contains('\u{1b}'), "color without a terminal: {stderr:?}");
    }
}

#[test]
fn completion_scripts_know_commands_and_options_and_need_no_settings() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (status, script, stderr) = run(&["completions", shell]);
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        assert!(script.contains("redrive") && script.contains("older-than"), "{script}");
    }
    let (status, _, stderr) = run(&["completions", "csh"]);
    assert_eq!(status, Some(2));
    assert!(stderr.contains("possible values: bash"), "{stderr}");
}
