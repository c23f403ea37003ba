//! Table of [endpoints](hookline_domain::outbound::EndpointRecords). One item per endpoint:
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk`, `sk` | S, S | the owner, `source#store` or `*`, and the endpoint's id |
//! | `revision` | N | number of changes by people, and of the dispatcher's that disable it |
//! | `settings` | S | the settings as JSON |
//! | `state`, `since_us` | S, N | `active`, `paused`, `disabled` or `deleting`, and since when |
//! | `code` | S | code of the failure for which it is disabled |
//! | `reason` | S | reason of a person who has paused it |
//! | `reset_us` | N | time at which its health began from the start |
//! | `backlog` | S | what is to be done with what waited when it was activated, as JSON, until it is done |
//! | `pool` | S | `fast` or `slow`, as the dispatcher noted it last |
//! | `secrets` | S | signing secrets as JSON, sealed, newest first |
//! | `headers` | S | custom headers as JSON, sealed, beside their names |
//! | `auth` | S | authorization by a token as JSON, and everything sealed |
//! | `certificate` | S | client certificate as JSON, its private key sealed |
//! | `proof` | S | when it proved itself, and the challenge that is to be sent, as JSON; absent as long as it was never challenged |
//! | `created_us` | N | time of its creation |

use base64::{Engine, prelude::BASE64_STANDARD};
use hookline_domain::outbound::{
    AttemptCode, Backlog, Credentials, Endpoint, EndpointAuth, EndpointKey, EndpointState, Pool, Proof, Scope,
    SealedAuth, SealedCertificate, SealedHeaders, SealedSecret,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    request::{self, Delete, Query, Update, names, partition},
    update::UpdateBuilder,
    value::{Item, MalformedError, Value},
};

/// A sealed secret in JSON.
#[derive(Serialize, Deserialize)]
struct Secret {
    sealed: String,
    public_key: String,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// Sealed headers in JSON.
#[derive(Serialize, Deserialize)]
struct Headers {
    names: Vec<String>,
    sealed: String,
}

/// A sealed authorization in JSON.
#[derive(Serialize, Deserialize)]
struct Auth {
    auth: EndpointAuth,
    sealed: String,
}

/// A client certificate in JSON.
#[derive(Serialize, Deserialize)]
struct Certificate {
    chain: Vec<String>,
    subject: String,
    ends_at: Timestamp,
    sealed: String,
}

/// Key of an endpoint.
#[must_use]
pub fn key(endpoint: &EndpointKey) -> Item {
    request::key(endpoint.scope.to_string(), endpoint.id.as_str())
}

/// Endpoints of an owner.
#[must_use]
pub fn list(scope: &Scope) -> Query {
    partition(scope.to_string())
}

/// Writes an endpoint where the stored one has the revision before its own, or there is none and its own is 1. The pool is
/// written with the first only.
///
/// # Errors
/// Fails if a part of it has no JSON.
pub fn put(endpoint: &Endpoint) -> Result<Update, serde_json::Error> {
    let mut update = UpdateBuilder::default();
    update.set("revision", Value::number(endpoint.revision));
    update.set("settings", Value::json(&endpoint.settings)?);
    update.set("state", Value::text(endpoint.state.as_str()));
    update.set("since_us", Value::micros(endpoint.state_since));
    update.set("reset_us", Value::micros(endpoint.reset_at));
    update.set("created_us", Value::micros(endpoint.created_at));
    update.set("secrets", secrets(&endpoint.secrets)?);
    update.set_if_absent("pool", Value::text(endpoint.pool.as_str()));
    let code = match endpoint.state {
        EndpointState::Disabled(code) => Some(Value::json(&code)?),
        _ => None,
    };
    let headers = endpoint.credentials.headers.as_ref().map(|headers| {
        Value::json(&Headers {
            names: headers.names.clone(),
            sealed: BASE64_STANDARD.encode(&headers.sealed),
        })
    });
    let auth = endpoint.credentials.auth.as_ref().map(|auth| {
        Value::json(&Auth {
            auth: auth.auth.clone(),
            sealed: BASE64_STANDARD.encode(&auth.sealed),
        })
    });
    let certificate = endpoint.credentials.certificate.as_ref().map(|certificate| {
        Value::json(&Certificate {
            chain: certificate
                .chain
                .iter()
                .map(|one| BASE64_STANDARD.encode(one))
                .collect(),
            subject: certificate.subject.clone(),
            ends_at: certificate.ends_at,
            sealed: BASE64_STANDARD.encode(&certificate.sealed),
        })
    });
    let optional = [
        ("code", code),
        ("reason", endpoint.state_reason.as_ref().map(Value::text)),
        ("backlog", endpoint.backlog.as_ref().map(Value::json).transpose()?),
        ("headers", headers.transpose()?),
        ("auth", auth.transpose()?),
        ("certificate", certificate.transpose()?),
        ("proof", proof(&endpoint.proof)?),
    ];
    for (name, value) in optional {
        match value {
            Some(value) => update.set(name, value),
            None => update.remove(name),
        }
    }
    let mut update = update.finish(key(&endpoint.key));
    if endpoint.revision == 1 {
        update.condition = Some("attribute_not_exists(pk)");
    } else {
        update.condition = Some("revision = :before");
        update.values.push(":before", Value::number(endpoint.revision - 1));
    }
    Ok(update)
}

/// Disables an endpoint where it is active and has this revision.
///
/// # Errors
/// Fails if the code has no JSON.
pub fn disable(
    endpoint: &EndpointKey,
    revision: u32,
    code: AttemptCode,
    at: Timestamp,
) -> Result<Update, serde_json::Error> {
    let mut update = UpdateBuilder::default();
    update.set("state", Value::text(EndpointState::Disabled(code).as_str()));
    update.set("code", Value::json(&code)?);
    update.set("since_us", Value::micros(at));
    update.set("revision", Value::number(revision + 1));
    let mut update = update.finish(key(endpoint));
    update.condition = Some("revision = :before AND #of_state = :active");
    update.names.extend(names([("#of_state", "state")]));
    update.values.push(":before", Value::number(revision));
    update
        .values
        .push(":active", Value::text(EndpointState::Active.as_str()));
    Ok(update)
}

/// Notes the pool of an endpoint that exists.
#[must_use]
pub fn note_pool(endpoint: &EndpointKey, pool: Pool) -> Update {
    let mut update = UpdateBuilder::default();
    update.set("pool", Value::text(pool.as_str()));
    let mut update = update.finish(key(endpoint));
    update.condition = Some("attribute_exists(pk)");
    update
}

/// Removes the backlog of an endpoint, if it is this one.
///
/// # Errors
/// Fails if it has no JSON.
pub fn settle_backlog(endpoint: &EndpointKey, backlog: Backlog) -> Result<Update, serde_json::Error> {
    let mut update = UpdateBuilder::default();
    update.remove("backlog");
    let mut update = update.finish(key(endpoint));
    update.condition = Some("backlog = :settled");
    update.values.push(":settled", Value::json(&backlog)?);
    Ok(update)
}

/// Records the outcome of a challenge, if the proof is still the one before it.
///
/// # Errors
/// Fails if it has no JSON.
pub fn note_proof(endpoint: &EndpointKey, before: &Proof, after: &Proof) -> Result<Update, serde_json::Error> {
    let mut update = UpdateBuilder::default();
    match proof(after)? {
        Some(after) => update.set("proof", after),
        None => update.remove("proof"),
    }
    let mut update = update.finish(key(endpoint));
    match proof(before)? {
        Some(before) => {
            update.condition = Some("proof = :was");
            update.values.push(":was", before);
        }
        None => update.condition = Some("attribute_exists(pk) AND attribute_not_exists(proof)"),
    }
    Ok(update)
}

fn proof(proof: &Proof) -> Result<Option<Value>, serde_json::Error> {
    let is_there = *proof != Proof::default();
    is_there.then(|| Value::json(proof)).transpose()
}

/// Removes an endpoint that has this revision.
#[must_use]
pub fn forget(endpoint: &EndpointKey, revision: u32) -> Delete {
    Delete {
        key: key(endpoint),
        condition: Some("revision = :revision"),
        values: Item::from([(":revision", Value::number(revision))]),
        ..Delete::default()
    }
}

fn secrets(secrets: &[SealedSecret]) -> Result<Value, serde_json::Error> {
    let secret = |secret: &SealedSecret| Secret {
        sealed: BASE64_STANDARD.encode(&secret.sealed),
        public_key: secret.public_key.clone(),
        created_at: secret.created_at,
        until: secret.until,
    };
    Value::json(&secrets.iter().map(secret).collect::<Vec<_>>())
}

/// Reads an endpoint.
///
/// # Errors
/// [`MalformedError`] if an attribute is missing or unreadable.
pub fn read(item: &Item) -> Result<Endpoint, MalformedError> {
    let state = match item.text("state")? {
        "active" => EndpointState::Active,
        "paused" => EndpointState::Paused,
        "deleting" => EndpointState::Deleting,
        "disabled" => EndpointState::Disabled(json(item, "code")?),
        _ => return Err(MalformedError::new("state")),
    };
    let secrets: Vec<Secret> = json(item, "secrets")?;
    let secrets = secrets.into_iter().map(|secret| {
        Ok(SealedSecret {
            sealed: unsealed("secrets", &secret.sealed)?,
            public_key: secret.public_key,
            created_at: secret.created_at,
            until: secret.until,
        })
    });
    let headers = item.has("headers").then(|| {
        let headers: Headers = json(item, "headers")?;
        Ok(SealedHeaders {
            names: headers.names,
            sealed: unsealed("headers", &headers.sealed)?,
        })
    });
    let auth = item.has("auth").then(|| {
        let auth: Auth = json(item, "auth")?;
        Ok(SealedAuth {
            auth: auth.auth,
            sealed: unsealed("auth", &auth.sealed)?,
        })
    });
    let certificate = item.has("certificate").then(|| {
        let certificate: Certificate = json(item, "certificate")?;
        let chain = certificate.chain.iter().map(|one| unsealed("certificate", one));
        Ok(SealedCertificate {
            chain: chain.collect::<Result<_, MalformedError>>()?,
            subject: certificate.subject,
            ends_at: certificate.ends_at,
            sealed: unsealed("certificate", &certificate.sealed)?,
        })
    });
    Ok(Endpoint {
        key: EndpointKey {
            scope: item.parse("pk")?,
            id: item.parse("sk")?,
        },
        revision: item.number("revision")?,
        settings: json(item, "settings")?,
        state,
        state_since: item.micros("since_us")?,
        state_reason: item.find_text("reason").map(str::to_owned),
        reset_at: item.micros("reset_us")?,
        backlog: item.has("backlog").then(|| json(item, "backlog")).transpose()?,
        pool: item.find_text("pool").and_then(Pool::named).unwrap_or(Pool::Slow),
        secrets: secrets.collect::<Result<_, MalformedError>>()?,
        credentials: Credentials {
            headers: headers.transpose()?,
            auth: auth.transpose()?,
            certificate: certificate.transpose()?,
        },
        proof: if item.has("proof") {
            json(item, "proof")?
        } else {
            Proof::default()
        },
        created_at: item.micros("created_us")?,
    })
}

fn json<'a, T: Deserialize<'a>>(item: &'a Item, name: &str) -> Result<T, MalformedError> {
    serde_json::from_str(item.text(name)?).map_err(|_| MalformedError::new(name))
}

fn unsealed(name: &str, text: &str) -> Result<Vec<u8>, MalformedError> {
    BASE64_STANDARD.decode(text).map_err(|_| MalformedError::new(name))
}
