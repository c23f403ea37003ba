//! `hookline token`: what people and programs bear to the panel and the HTTP API is made, listed, changed, stopped.

mod listed;

use anyhow::{Result, bail};
use hookline_aws::DynamoAccess;
use hookline_domain::access::{
    Reach,
    token::{REACH_LIMIT, Token, TokenChange, Tokens},
};
use hookline_sources::platform;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::listed::Listed;
use crate::{
    args::token as args,
    letters::seconds,
    output::{Output, count, say},
    places::{Connected, needed},
};

/// The longest that a token may live.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// The longest name.
const NAME_LIMIT: usize = 200;

/// A new token, as a program reads it.
#[derive(Serialize)]
struct Made<'a> {
    token: &'a str,
    #[serde(flatten)]
    listed: Listed,
}

pub async fn run(places: &Connected, out: &Output, command: args::Token) -> Result<bool> {
    match command {
        args::Token::Create(wanted) => create(places, out, wanted).await,
        args::Token::List(kept) => list(places, out, &kept).await,
        args::Token::Revoke { id, kept } => {
            let Some(token) = access(places, &kept)?.revoke(&id, Timestamp::now()).await? else {
                bail!("there is no token {id}; those that are: hookline token list");
            };
            told(out, &token)?;
            say(&format!("· {id} is revoked; the API refuses it from now on"));
            Ok(true)
        }
        args::Token::Change(wanted) => change(places, out, wanted).await,
    }
}

async fn create(places: &Connected, out: &Output, wanted: args::Create) -> Result<bool> {
    let Some(reach) = reach(&wanted.reach)? else {
        bail!("say for which stores: --store <STORE>, as often as needed, or --all-stores");
    };
    if wanted.expires.0 <= SignedDuration::ZERO || wanted.expires.0 > LONGEST {
        bail!("--expires is from a moment to 366d");
    }
    if wanted.name.len() > NAME_LIMIT || wanted.name.chars().any(char::is_control) {
        bail!("--name is one line of at most {NAME_LIMIT} bytes");
    }
    let now = Timestamp::now();
    let (token, borne) = Token::mint(wanted.role, reach, wanted.name, now, now + wanted.expires.0)?;
    if !access(places, &wanted.kept)?.put(&token).await? {
        bail!("there is a token {} already; nothing was changed: try again", token.id);
    }
    if out.json {
        let listed = Listed::new(&token, now);
        out.object(&Made {
            token: borne.text().reveal(),
            listed,
        })?;
    } else {
        out.text(borne.text().reveal())?;
    }
    say(&format!(
        "· {}, {} until {}; it is not shown again",
        token.id,
        token.role,
        seconds(token.expires_at)
    ));
    Ok(true)
}

async fn list(places: &Connected, out: &Output, kept: &args::Kept) -> Result<bool> {
    let now = Timestamp::now();
    let tokens = access(places, kept)?.list().await?;
    let listed: Vec<Listed> = tokens.iter().map(|token| Listed::new(token, now)).collect();
    out.rows(&listed)?;
    say(&format!("· {}", count(listed.len(), "token")));
    Ok(true)
}

async fn change(places: &Connected, out: &Output, wanted: args::Change) -> Result<bool> {
    let id = &wanted.id;
    let change = TokenChange {
        role: wanted.role,
        reach: reach(&wanted.reach)?,
    };
    if change == TokenChange::default() {
        bail!("say what to change: --role, --store or --all-stores");
    }
    let Some(token) = access(places, &wanted.kept)?.change(id, &change).await? else {
        bail!("there is no token {id}, or it is revoked; those that are: hookline token list");
    };
    told(out, &token)?;
    say(&format!("· {id} is changed; the API follows from now on"));
    Ok(true)
}

fn told(out: &Output, token: &Token) -> Result<()> {
    out.rows(&[Listed::new(token, Timestamp::now())])
}

fn access(places: &Connected, kept: &args::Kept) -> Result<DynamoAccess> {
    let table = needed(kept.access_table.as_ref(), "ACCESS_TABLE", "--access-table")?;
    Ok(places.aws.access(table))
}

/// What was said of stores, if anything was.
fn reach(said: &args::Reach) -> Result<Option<Reach>> {
    if said.all_stores {
        return Ok(Some(Reach::All));
    }
    if said.store.is_empty() {
        return Ok(None);
    }
    let stores = said.store.iter().map(|store| &store.0);
    if let Some(other) = stores.clone().find(|store| platform(&store.source).is_none()) {
        bail!(
            "no source is called {}: write a store by its name at Shopify, as in demo.myshopify.com",
            other.source
        );
    }
    let reach = Reach::Stores(stores.cloned().collect());
    if reach.to_string().len() > REACH_LIMIT {
        bail!("these are more stores than one token can name: make several, or say --all-stores");
    }
    Ok(Some(reach))
}
