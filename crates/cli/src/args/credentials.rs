//! Arguments that give an endpoint credentials.

use std::{fs, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};
use hookline_domain::{kernel::secret::Secret, outbound::CredentialsIn};

/// Authorization by a token of OAuth 2.
#[derive(Debug, Args)]
pub struct AuthArgs {
    /// URL of a server that gives tokens of OAuth 2 for client credentials. Each request has such a token.
    #[arg(long = "oauth2-token-url", value_name = "URL", requires_all = ["client_id", "client_secret"])]
    pub token_url: Option<String>,
    /// Id of the client.
    #[arg(long = "oauth2-client-id", value_name = "ID", requires = "token_url")]
    pub client_id: Option<String>,
    /// Secret of the client, or `@` and a file with it.
    #[arg(long = "oauth2-client-secret", value_name = "SECRET|@FILE", requires = "token_url")]
    pub client_secret: Option<SecretArg>,
    /// Scope to be requested, words with blanks between them.
    #[arg(long = "oauth2-scope", value_name = "SCOPE", requires = "token_url")]
    pub scope: Option<String>,
    /// Place of the client's id and secret in a request for a token.
    #[arg(long = "oauth2-credentials-in", value_name = "PLACE", requires = "token_url")]
    pub credentials_in: Option<CredentialsInArg>,
}

/// Client certificate.
#[derive(Debug, Args)]
pub struct CertificateArgs {
    /// File with a client certificate in PEM, which the endpoint's server demands (mTLS), and those of its issuers without the root.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// File with the certificate's private key in PEM, not encrypted.
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    pub client_key: Option<PathBuf>,
}

/// A secret, or `@` and the name of a file that holds it on its only line. `Debug` redacts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretArg(pub Secret);

impl FromStr for SecretArg {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let secret = match text.strip_prefix('@') {
            Some(file) => {
                let read = fs::read_to_string(file).map_err(|error| format!("{file} cannot be read: {error}"))?;
                read.trim_end_matches(['\r', '\n']).to_owned()
            }
            None => text.to_owned(),
        };
        Ok(Self(Secret::new(secret)))
    }
}

/// Place of a client's id and secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CredentialsInArg {
    /// The header `authorization`
    Header,
    /// The body
    Body,
}

impl From<CredentialsInArg> for CredentialsIn {
    fn from(choice: CredentialsInArg) -> Self {
        match choice {
            CredentialsInArg::Header => Self::Header,
            CredentialsInArg::Body => Self::Body,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_given_or_read_and_not_shown() {
        let given: SecretArg = "s3cret".parse().unwrap();
        assert_eq!(given.0.reveal(), "s3cret");
        assert!(!format!("{given:?}").contains("s3cret"));
        let read: SecretArg = concat!("@", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").parse().unwrap();
        let text = read.0.reveal();
        assert!(text.starts_with("[package]") && !text.ends_with('\n'));
        let error = "@/nowhere/secret".parse::<SecretArg>().unwrap_err();
        assert!(error.contains("/nowhere/secret"), "{error}");
    }
}
