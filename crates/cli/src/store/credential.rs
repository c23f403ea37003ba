//! Reads a store's credential from a file or from standard input, never from an argument.

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

use crate::args::store::CredentialOptions;

/// Maximum size of an input; more than any token or response has.
const MAX_INPUT_BYTES: u64 = 16 * 1024;

/// Shopify's response to a grant of an expiring offline token
/// (<https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/offline-access-tokens>).
#[derive(Deserialize)]
struct OfflineTokenResponse {
    access_token: String,
    refresh_token: String,
    expires_in: u32,
}

/// Reads the credential that the options name. An offline token's lifetime begins when its file was written.
pub fn read(options: &CredentialOptions, now: Timestamp) -> Result<Credential> {
    if let Some(path) = &options.token_file {
        return custom(&text(path)?).with_context(|| path.display().to_string());
    }
    if let Some(path) = &options.offline_file {
        let written_at = fs::metadata(path).and_then(|file| file.modified()).ok();
        let written_at = written_at.and_then(|at| Timestamp::try_from(at).ok());
        return offline(&text(path)?, written_at.unwrap_or(now), now).with_context(|| path.display().to_string());
    }
    if options.token_stdin {
        let mut text = String::new();
        let read = io::stdin().lock().take(MAX_INPUT_BYTES).read_to_string(&mut text);
        read.context("cannot read standard input")?;
        return custom(&text).context("standard input");
    }
    Ok(Credential::ClientCredentials)
}

fn text(path: &Path) -> Result<String> {
    let unreadable = || format!("cannot read {}", path.display());
    let mut text = String::new();
    let file = fs::File::open(path).with_context(unreadable)?;
    file.take(MAX_INPUT_BYTES)
        .read_to_string(&mut text)
        .with_context(unreadable)?;
    Ok(text)
}

/// Parses a custom app's token. Its prefix shows its kind; see
/// <https://shopify.dev/changelog/app-secret-key-length-has-increased>.
fn custom(text: &str) -> Result<Credential> {
    let token = text.trim();
    let mistake = match token {
        "" => "is empty",
        _ if token.starts_with('{') => "is JSON: give an expiring token with --offline-file",
        _ if !token.bytes().all(|byte| byte.is_ascii_graphic()) => "holds more than a token",
        _ if token.starts_with("shprt_") => "is a refresh token: give Shopify's whole response with --offline-file",
        _ if token.starts_with("shpss_") => {
            "is a client secret: set SHOPIFY_CLIENT_SECRETS and give --client-credentials"
        }
        _ => {
            return Ok(Credential::Custom {
                access: Secret::new(token),
            });
        }
    };
    bail!("{mistake}")
}

fn offline(text: &str, since: Timestamp, now: Timestamp) -> Result<Credential> {
    // Serde's error is dropped, because it may quote a token.
    let Ok(response) = serde_json::from_str::<OfflineTokenResponse>(text) else {
        bail!("is not Shopify's response: JSON with access_token, refresh_token and expires_in");
    };
    if response.access_token.is_empty() || response.refresh_token.is_empty() {
        bail!("holds an empty token");
    }
    let lifetime = SignedDuration::from_secs(i64::from(response.expires_in));
    let expires_at = since.checked_add(lifetime)?;
    if expires_at <= now {
        bail!("was written so long ago that its access token has expired: request a new token with the app");
    }
    Ok(Credential::Offline {
        access: Secret::new(response.access_token),
        refresh: Secret::new(response.refresh_token),
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_one_word_and_is_never_printed() {
        let Ok(Credential::Custom { access }) = custom(" shpat_1\n") else {
            panic!("another kind");
        };
        assert_eq!(access.reveal(), "shpat_1");
        for (text, expected) in [
            ("\n", "is empty"),
            ("shpat_1 shpat_2", "more than a token"),
            ("{\"access_token\":\"shpat_1\"}", "--offline-file"),
            ("shprt_1", "refresh token"),
            ("shpss_1", "client secret"),
        ] {
            let error = format!("{:#}", custom(text).unwrap_err());
            assert!(error.contains(expected) && !error.contains("_1"), "{error}");
        }
    }

    #[test]
    fn offline_token_expires_after_its_lifetime_from_the_time_its_file_was_written() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let since = at("2026-11-21T10:00:00Z");
        let text = r#"{"access_token":"hush","expires_in":3600,"refresh_token":"b","scope":"x"}"#;
        let Ok(Credential::Offline { expires_at, .. }) = offline(text, since, at("2026-11-21T10:59:59Z")) else {
            panic!("another kind");
        };
        assert_eq!(expires_at, at("2026-11-21T11:00:00Z"));
        for (text, now, expected) in [
            (text, "2026-11-21T11:00:00Z", "expired"),
            (r#"{"access_token":"hush"}"#, "2026-11-21T10:00:00Z", "refresh_token"),
            ("hush", "2026-11-21T10:00:00Z", "JSON"),
        ] {
            let error = format!("{:#}", offline(text, since, at(now)).unwrap_err());
            assert!(error.contains(expected) && !error.contains("hush"), "{error}");
        }
    }
}
