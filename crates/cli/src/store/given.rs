//! The tokens that a person gives: read from a file or from standard input, never from an argument.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, Result, bail};
use hookline_domain::kernel::secret::Secret;
use hookline_shopify_admin::Credential;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::args::store::Given;

/// More than any token or answer has.
const LONGEST: u64 = 16 * 1024;

/// Shopify's answer to a grant of an expiring offline token
/// (<https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens>).
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    refresh_token: String,
    expires_in: u32,
}

/// Reads what was given. A token's lifetime counts from when its file was written.
pub fn read(given: &Given, now: Timestamp) -> Result<Credential> {
    if let Some(path) = &given.token_file {
        return custom(&text(path)?).with_context(|| path.display().to_string());
    }
    if let Some(path) = &given.offline_file {
        let written_at = fs::metadata(path).and_then(|file| file.modified()).ok();
        let written_at = written_at.and_then(|at| Timestamp::try_from(at).ok());
        return offline(&text(path)?, written_at.unwrap_or(now), now).with_context(|| path.display().to_string());
    }
    if given.token_stdin {
        let mut text = String::new();
        let read = io::stdin().lock().take(LONGEST).read_to_string(&mut text);
        read.context("standard input cannot be read")?;
        return custom(&text).context("standard input");
    }
    Ok(Credential::ClientCredentials)
}

fn text(path: &Path) -> Result<String> {
    let unreadable = || format!("{} cannot be read", path.display());
    let mut text = String::new();
    let file = fs::File::open(path).with_context(unreadable)?;
    file.take(LONGEST).read_to_string(&mut text).with_context(unreadable)?;
    Ok(text)
}

/// What begins a token says what it is; see <https://shopify.dev/changelog/app-secret-key-length-has-increased>.
fn custom(text: &str) -> Result<Credential> {
    let token = text.trim();
    let mistake = match token {
        "" => "holds nothing",
        _ if token.starts_with('{') => "is JSON: an expiring token is given with --offline-file",
        _ if !token.bytes().all(|byte| byte.is_ascii_graphic()) => "holds more than a token",
        _ if token.starts_with("shprt_") => "is a refresh token: give the whole answer with --offline-file",
        _ if token.starts_with("shpss_") => "is a client secret: set SHOPIFY_CLIENT_SECRETS and --client-credentials",
        _ => {
            return Ok(Credential::Custom {
                access: Secret::new(token),
            });
        }
    };
    bail!("{mistake}")
}

fn offline(text: &str, since: Timestamp, now: Timestamp) -> Result<Credential> {
    // Serde quotes what it does not like, and this is full of tokens.
    let Ok(answer) = serde_json::from_str::<Answer>(text) else {
        bail!("is not Shopify's answer: JSON with access_token, refresh_token and expires_in");
    };
    if answer.access_token.is_empty() || answer.refresh_token.is_empty() {
        bail!("holds an empty token");
    }
    let lives = SignedDuration::from_secs(i64::from(answer.expires_in));
    let expires_at = since.checked_add(lives)?;
    if expires_at <= now {
        bail!("was written so long ago that its access token has expired: have the app get another");
    }
    Ok(Credential::Offline {
        access: Secret::new(answer.access_token),
        refresh: Secret::new(answer.refresh_token),
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_is_not_told_again() {
        let Ok(Credential::Custom { access }) = custom(" shpat_1\n") else {
            panic!("another kind");
        };
        assert_eq!(access.reveal(), "shpat_1");
        for (text, said) in [
            ("\n", "nothing"),
            ("shpat_1 shpat_2", "more than a token"),
            ("{\"access_token\":\"shpat_1\"}", "--offline-file"),
            ("shprt_1", "refresh token"),
            ("shpss_1", "client secret"),
        ] {
            let error = format!("{:#}", custom(text).unwrap_err());
            assert!(error.contains(said) && !error.contains("_1"), "{error}");
        }
    }

    #[test]
    fn an_answer_expires_so_long_after_it_was_written() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let since = at("2026-11-21T10:00:00Z");
        let text = r#"{"access_token":"hush","expires_in":3600,"refresh_token":"b","scope":"x"}"#;
        let Ok(Credential::Offline { expires_at, .. }) = offline(text, since, at("2026-11-21T10:59:59Z")) else {
            panic!("another kind");
        };
        assert_eq!(expires_at, at("2026-11-21T11:00:00Z"));
        for (text, now, said) in [
            (text, "2026-11-21T11:00:00Z", "expired"),
            (r#"{"access_token":"hush"}"#, "2026-11-21T10:00:00Z", "refresh_token"),
            ("hush", "2026-11-21T10:00:00Z", "JSON"),
        ] {
            let error = format!("{:#}", offline(text, since, at(now)).unwrap_err());
            assert!(error.contains(said) && !error.contains("hush"), "{error}");
        }
    }
}
