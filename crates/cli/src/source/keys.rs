//! Keys of a source's inbound endpoints: one secret, as the receiver reads it.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::PathBuf,
};

use anyhow::{Context, Result, anyhow, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use hookline_aws::{Aws, SecretsManagerSecret};
use hookline_domain::kernel::{ids::InboundName, secret::Secret};
use hookline_sources::{Sender, scheme::KeyForm, signature::Secrets};
use serde::{Deserialize, Serialize};

use crate::args::source::KeysOptions;

/// Maximum size of a key that is read.
const MAX_KEY_BYTES: u64 = 4 * 1024;

/// Attempts to replace the secret while others do, too.
const MAX_ATTEMPTS: usize = 5;

/// Bytes of a key that is made: what Standard Webhooks recommends at least, and more.
const KEY_BYTES: usize = 32;

/// Keys of one endpoint, newest first.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointKeys {
    pub keys: Vec<String>,
}

/// The secret of a source's keys.
pub struct KeysSecret {
    sender: &'static Sender,
    secret: SecretsManagerSecret,
}

impl KeysSecret {
    /// The secret that the option or the environment names.
    pub fn find(aws: &Aws, sender: &'static Sender, options: &KeysOptions) -> Result<Self> {
        let variable = format!("{}_ARN", sender.secrets_variable);
        #[expect(clippy::disallowed_methods, reason = "the variable's name depends on the source")]
        let arn = options.keys_arn.clone().or_else(|| std::env::var(&variable).ok());
        let arn = arn.filter(|arn| !arn.trim().is_empty()).ok_or_else(|| {
            anyhow!(
                "{variable} is not set: it is the ARN of the secret with the keys of {}'s endpoints. `eval \"$(make where)\"` \
                 sets it for a stack that has the source; or give --keys-arn",
                sender.name
            )
        })?;
        Ok(Self {
            sender,
            secret: aws.stored_secret(&arn),
        })
    }

    /// Keys of an endpoint, newest first; empty if it has none.
    pub async fn of(&self, name: &InboundName) -> Result<Vec<Secret>> {
        let read = self.secret.read_version().await.context("the keys cannot be read")?;
        let mut all = parse(&read.secret)?;
        let keys = all.remove(&entry(self.sender, name)).unwrap_or_default();
        Ok(keys.keys.into_iter().map(Secret::new).collect())
    }

    /// Changes the keys of an endpoint. If somebody else changes the secret at the same time, reads it again.
    pub async fn change(
        &self,
        name: &InboundName,
        mut change: impl FnMut(&mut Option<EndpointKeys>) -> Result<()>,
    ) -> Result<()> {
        for _ in 0..MAX_ATTEMPTS {
            let read = self.secret.read_version().await.context("the keys cannot be read")?;
            let mut all = parse(&read.secret)?;
            let key = entry(self.sender, name);
            let mut keys = all.remove(&key);
            change(&mut keys)?;
            if let Some(keys) = keys {
                all.insert(key, keys);
            }
            let text = Secret::new(serde_json::to_string(&all)?);
            if self
                .secret
                .replace(&read, &text)
                .await
                .context("the keys cannot be written")?
            {
                return Ok(());
            }
        }
        bail!(
            "somebody else keeps changing the keys of {}; try again",
            self.sender.name
        )
    }
}

/// Name of an endpoint in the secret.
fn entry(sender: &Sender, name: &InboundName) -> String {
    format!("{}/{name}", sender.name)
}

fn parse(secret: &Secret) -> Result<BTreeMap<String, EndpointKeys>> {
    let text = secret.reveal().trim();
    // Serde's error is dropped, because it may quote a key.
    serde_json::from_str(if text.is_empty() { "{}" } else { text }).map_err(|_| {
        anyhow!("the secret is not JSON as in {{\"<source>/<endpoint>\": {{\"keys\": [\"…\"]}}}}; nothing was changed")
    })
}

/// Reads or makes a key, and checks its form. Also returns whether it was made.
pub fn read(file: Option<&PathBuf>, stdin: bool, sender: &Sender) -> Result<(Secret, bool)> {
    let mut text = String::new();
    let (key, is_new) = if let Some(path) = file {
        let unreadable = || format!("cannot read {}", path.display());
        let file = fs::File::open(path).with_context(unreadable)?;
        file.take(MAX_KEY_BYTES)
            .read_to_string(&mut text)
            .with_context(unreadable)?;
        (text.trim().to_owned(), false)
    } else if stdin {
        let read = io::stdin().lock().take(MAX_KEY_BYTES).read_to_string(&mut text);
        read.context("cannot read standard input")?;
        (text.trim().to_owned(), false)
    } else {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random bytes: {error}"))?;
        let encoded = BASE64_STANDARD.encode(bytes);
        let key = match sender.scheme.key {
            KeyForm::Whsec => format!("whsec_{encoded}"),
            KeyForm::AsIs => encoded,
        };
        (key, true)
    };
    if key.contains(char::is_whitespace) {
        bail!("the key has white space in it: give one key, as the source shows it");
    }
    Secrets::of(&[&key], sender.scheme.key).map_err(|error| anyhow!("the key cannot be used: {error}"))?;
    Ok((Secret::new(key), is_new))
}

#[cfg(test)]
mod tests {
    use hookline_sources::{standard, stripe};

    use super::*;

    #[test]
    fn generated_key_has_the_form_of_its_source() {
        let key = |sender| read(None, false, sender).unwrap();
        let (standard_key, is_new) = key(&standard::SENDER);
        assert!(is_new && standard_key.reveal().starts_with("whsec_") && standard_key.reveal().len() == 50);
        assert!(!key(&stripe::SENDER).0.reveal().contains('_'));
        assert_ne!(key(&standard::SENDER).0, standard_key);
    }

    #[test]
    fn secret_that_is_no_json_is_not_quoted() {
        assert!(parse(&Secret::new("{}")).unwrap().is_empty() && parse(&Secret::new(" ")).unwrap().is_empty());
        for text in [
            "whsec_secret",
            r#"{"stripe/acme": "whsec_secret"}"#,
            r#"{"stripe/acme": {"key": "secret"}}"#,
        ] {
            let error = parse(&Secret::new(text)).map(drop).unwrap_err().to_string();
            assert!(
                error.contains("nothing was changed") && !error.contains("secret\""),
                "{error}"
            );
        }
    }
}
