//! Where things are: told by options or by the variables that the functions have, and asked for only when needed.

use anyhow::{Result, bail};
use clap::Args;
use hookline_aws::{
    Aws, DynamoEntities, DynamoLedger, DynamoStores, Patience, S3Bodies, SqsDeadLetters, SqsEventQueue,
};

use crate::archive::Archive;

/// Names of tables and addresses of queues.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where things are")]
pub struct Places {
    /// The table of deliveries.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "LEDGER_TABLE",
        hide_env_values = true
    )]
    ledger_table: Option<String>,
    /// The table of versions and tombstones.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "ENTITIES_TABLE",
        hide_env_values = true
    )]
    entities_table: Option<String>,
    /// The table of stores.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "STORES_TABLE",
        hide_env_values = true
    )]
    stores_table: Option<String>,
    /// The queue between receivers and reindex.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "EVENT_QUEUE_URL",
        hide_env_values = true
    )]
    event_queue_url: Option<String>,
    /// Where the event queue puts what it gives up on.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "DEAD_LETTER_QUEUE_URL",
        hide_env_values = true
    )]
    dead_letter_queue_url: Option<String>,
    /// Where bodies are that no message holds. Needed for such bodies only.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PAYLOAD_BUCKET",
        hide_env_values = true
    )]
    payload_bucket: Option<String>,
    /// Where deliveries are kept after they were settled, if the stack keeps them (`ArchiveDays`).
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "ARCHIVE_BUCKET",
        hide_env_values = true
    )]
    archive_bucket: Option<String>,
}

/// The ways to all places. Makes no request before it must.
pub struct Connected {
    places: Places,
    pub aws: Aws,
}

impl Connected {
    pub async fn new(places: Places) -> Self {
        Self {
            places,
            aws: Aws::load(Patience::Person).await,
        }
    }

    pub fn ledger(&self) -> Result<DynamoLedger> {
        Ok(self.aws.ledger(needed(
            self.places.ledger_table.as_ref(),
            "LEDGER_TABLE",
            "--ledger-table",
        )?))
    }

    pub fn entities(&self) -> Result<DynamoEntities> {
        let table = needed(
            self.places.entities_table.as_ref(),
            "ENTITIES_TABLE",
            "--entities-table",
        )?;
        Ok(self.aws.entities(table))
    }

    /// None if nobody said where.
    pub fn bodies(&self) -> Option<S3Bodies> {
        given(self.places.payload_bucket.as_ref()).map(|bucket| self.aws.bodies(bucket))
    }

    /// None if nobody said where, as of a stack that keeps nothing.
    pub fn archive(&self) -> Option<Archive> {
        given(self.places.archive_bucket.as_ref()).map(|bucket| Archive(self.aws.archive(bucket)))
    }

    pub fn stores(&self) -> Result<DynamoStores> {
        Ok(self.aws.stores(needed(
            self.places.stores_table.as_ref(),
            "STORES_TABLE",
            "--stores-table",
        )?))
    }

    pub fn event_queue(&self) -> Result<SqsEventQueue> {
        let url = needed(
            self.places.event_queue_url.as_ref(),
            "EVENT_QUEUE_URL",
            "--event-queue-url",
        )?;
        Ok(self.aws.event_queue(url))
    }

    pub fn dead_letters(&self) -> Result<SqsDeadLetters> {
        let url = self.places.dead_letter_queue_url.as_ref();
        Ok(self
            .aws
            .dead_letters(needed(url, "DEAD_LETTER_QUEUE_URL", "--dead-letter-queue-url")?))
    }
}

pub fn given(value: Option<&String>) -> Option<&String> {
    value.filter(|value| !value.trim().is_empty())
}

pub fn needed<'a>(value: Option<&'a String>, variable: &str, option: &str) -> Result<&'a String> {
    match given(value) {
        Some(value) => Ok(value),
        None => bail!(
            "{variable} is not set: set it, or give {option}. All of them, from the outputs of a stack: \
             eval \"$(make --silent where STACK=hookline)\""
        ),
    }
}
