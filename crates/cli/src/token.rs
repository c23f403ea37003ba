//! `hookline token`: creates, lists, changes and revokes tokens for the panel and the HTTP API.

mod row;

use anyhow::{Result, bail};
use hookline_aws::DynamoAccess;
use hookline_domain::access::{
    Reach,
    token::{REACH_LIMIT, Token, TokenChange, Tokens},
};
use hookline_sources::platform;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use self::row::TokenRow;
use crate::{
    args::token::{AccessTableOptions, ChangeTokenArgs, CreateTokenArgs, ReachOptions, TokenCommand},
    output::{Output, count, say, timestamp},
    resources::{Resources, required},
};

/// Maximum lifetime of a token.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Maximum length of a token's name.
const MAX_NAME_BYTES: usize = 200;

/// A new token, for programs.
#[derive(Serialize)]
struct NewToken<'a> {
    token: &'a str,
    #[serde(flatten)]
    listed: TokenRow,
}

pub async fn run(resources: &Resources, out: &Output, command: TokenCommand) -> Result<bool> {
    match command {
        TokenCommand::Create(args) => create(resources, out, args).await,
        TokenCommand::List(access) => list(resources, out, &access).await,
        TokenCommand::Revoke { id, access } => {
            let Some(token) = access_table(resources, &access)?.revoke(&id, Timestamp::now()).await? else {
                bail!("there is no token {id}. To list them: hookline token list");
            };
            print_row(out, &token)?;
            say(&format!("· {id} is revoked; the API refuses it from now on"));
            Ok(true)
        }
        TokenCommand::Change(args) => change(resources, out, args).await,
    }
}

async fn create(resources: &Resources, out: &Output, args: CreateTokenArgs) -> Result<bool> {
    let Some(reach) = reach(&args.reach)? else {
        bail!("give the stores that the token may access: --store <STORE>, once or more, or --all-stores");
    };
    if args.expires.0 <= SignedDuration::ZERO || args.expires.0 > MAX_LIFETIME {
        bail!("--expires must be longer than 0 and at most 366d");
    }
    if args.name.len() > MAX_NAME_BYTES || args.name.chars().any(char::is_control) {
        bail!("--name must be one line of at most {MAX_NAME_BYTES} bytes");
    }
    let now = Timestamp::now();
    let (token, bearer) = Token::mint(args.role, reach, args.name, now, now + args.expires.0)?;
    if !access_table(resources, &args.access)?.put(&token).await? {
        bail!("the id {} is already taken; nothing was changed. Try again", token.id);
    }
    if out.json {
        let listed = TokenRow::new(&token, now);
        out.object(&NewToken {
            token: bearer.text().reveal(),
            listed,
        })?;
    } else {
        out.text(bearer.text().reveal())?;
    }
    say(&format!(
        "· {}, {} until {}; it is not shown again",
        token.id,
        token.role,
        timestamp(token.expires_at)
    ));
    Ok(true)
}

async fn list(resources: &Resources, out: &Output, access: &AccessTableOptions) -> Result<bool> {
    let now = Timestamp::now();
    let tokens = access_table(resources, access)?.list().await?;
    let listed: Vec<TokenRow> = tokens.iter().map(|token| TokenRow::new(token, now)).collect();
    out.rows(&listed)?;
    say(&format!("· {}", count(listed.len(), "token")));
    Ok(true)
}

async fn change(resources: &Resources, out: &Output, args: ChangeTokenArgs) -> Result<bool> {
    let id = &args.id;
    let change = TokenChange {
        role: args.role,
        reach: reach(&args.reach)?,
    };
    if change == TokenChange::default() {
        bail!("give something to change: --role, --store or --all-stores");
    }
    let Some(token) = access_table(resources, &args.access)?.change(id, &change).await? else {
        bail!("there is no token {id}, or it is revoked. To list them: hookline token list");
    };
    print_row(out, &token)?;
    say(&format!("· {id} is changed, from the next request on"));
    Ok(true)
}

fn print_row(out: &Output, token: &Token) -> Result<()> {
    out.rows(&[TokenRow::new(token, Timestamp::now())])
}

fn access_table(resources: &Resources, access: &AccessTableOptions) -> Result<DynamoAccess> {
    let table = required(access.access_table.as_ref(), "ACCESS_TABLE", "--access-table")?;
    Ok(resources.aws.access(table))
}

/// Stores that the options name; none if they name no store.
fn reach(options: &ReachOptions) -> Result<Option<Reach>> {
    if options.all_stores {
        return Ok(Some(Reach::All));
    }
    if options.store.is_empty() {
        return Ok(None);
    }
    let stores = options.store.iter().map(|store| &store.0);
    if let Some(other) = stores.clone().find(|store| platform(&store.source).is_none()) {
        bail!(
            "no source is called {}: name a Shopify store by its domain, as in demo.myshopify.com",
            other.source
        );
    }
    let reach = Reach::Stores(stores.cloned().collect());
    if reach.to_string().len() > REACH_LIMIT {
        bail!("these are more stores than one token can name. Create several tokens, or give --all-stores");
    }
    Ok(Some(reach))
}
