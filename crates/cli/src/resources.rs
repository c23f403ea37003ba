//! Tables, queues and buckets of a stack, named by options or by the variables that the functions read. Each is required
//! only by the commands that use it.

use anyhow::{Result, bail};
use clap::Args;
use hookline_aws::{
    Aws, DynamoEndpoints, DynamoEntities, DynamoEventLog, DynamoLedger, DynamoMessages, DynamoOutboxes, DynamoStats,
    DynamoStores, KmsVault, S3Bodies, SqsDeadLetters, SqsEventQueue, SqsFanOut, SqsWakeUps, Timeouts,
};

use crate::archive::Archive;

/// Names of tables and buckets, addresses of queues.
#[derive(Debug, Args)]
#[command(next_help_heading = "Resources of the stack")]
pub struct ResourceOptions {
    /// Table of deliveries.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "LEDGER_TABLE",
        hide_env_values = true
    )]
    ledger_table: Option<String>,
    /// Table of versions and tombstones.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "ENTITIES_TABLE",
        hide_env_values = true
    )]
    entities_table: Option<String>,
    /// Table of stores.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "STORES_TABLE",
        hide_env_values = true
    )]
    stores_table: Option<String>,
    /// Queue between receivers and reindex.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "EVENT_QUEUE_URL",
        hide_env_values = true
    )]
    event_queue_url: Option<String>,
    /// Dead-letter queue of the event queue.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "DEAD_LETTER_QUEUE_URL",
        hide_env_values = true
    )]
    dead_letter_queue_url: Option<String>,
    /// Queue between reindex and the listeners of events.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAN_OUT_QUEUE_URL",
        hide_env_values = true
    )]
    fan_out_queue_url: Option<String>,
    /// Dead-letter queue of the fan-out queue.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "FAN_OUT_DEAD_LETTER_QUEUE_URL",
        hide_env_values = true
    )]
    fan_out_dead_letter_queue_url: Option<String>,
    /// Table of events for listeners.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "EVENTS_TABLE",
        hide_env_values = true
    )]
    events_table: Option<String>,
    /// Table of endpoints.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "ENDPOINTS_TABLE",
        hide_env_values = true
    )]
    endpoints_table: Option<String>,
    /// Table of open messages.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "OUTBOXES_TABLE",
        hide_env_values = true
    )]
    outboxes_table: Option<String>,
    /// Table of the records of messages.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "MESSAGES_TABLE",
        hide_env_values = true
    )]
    messages_table: Option<String>,
    /// Queue of the dispatcher.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "DISPATCH_QUEUE_URL",
        hide_env_values = true
    )]
    dispatch_queue_url: Option<String>,
    /// Queue of the dispatcher for endpoints that are new, slow or failing.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SLOW_DISPATCH_QUEUE_URL",
        hide_env_values = true
    )]
    slow_dispatch_queue_url: Option<String>,
    /// Key that seals secrets and headers of endpoints.
    #[arg(
        long,
        global = true,
        value_name = "ARN",
        env = "ENDPOINT_KEY_ARN",
        hide_env_values = true
    )]
    endpoint_key: Option<String>,
    /// Bucket of bodies that are too large for a message. Needed for such bodies only.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "PAYLOAD_BUCKET",
        hide_env_values = true
    )]
    payload_bucket: Option<String>,
    /// Bucket of completed deliveries, if the stack keeps them (`ArchiveDays`).
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "ARCHIVE_BUCKET",
        hide_env_values = true
    )]
    archive_bucket: Option<String>,
}

/// Clients of the stack's resources.
pub struct Resources {
    resources: ResourceOptions,
    pub aws: Aws,
}

impl Resources {
    pub async fn new(resources: ResourceOptions) -> Self {
        Self {
            resources,
            aws: Aws::load(Timeouts::Operator).await,
        }
    }

    pub fn ledger(&self) -> Result<DynamoLedger> {
        Ok(self.aws.ledger(required(
            self.resources.ledger_table.as_ref(),
            "LEDGER_TABLE",
            "--ledger-table",
        )?))
    }

    pub fn entities(&self) -> Result<DynamoEntities> {
        let table = required(
            self.resources.entities_table.as_ref(),
            "ENTITIES_TABLE",
            "--entities-table",
        )?;
        Ok(self.aws.entities(table))
    }

    /// None without a bucket.
    pub fn bodies(&self) -> Option<S3Bodies> {
        non_blank(self.resources.payload_bucket.as_ref()).map(|bucket| self.aws.bodies(bucket))
    }

    /// None without a bucket, as of a stack that keeps no deliveries.
    pub fn archive(&self) -> Option<Archive> {
        non_blank(self.resources.archive_bucket.as_ref()).map(|bucket| Archive(self.aws.archive(bucket)))
    }

    pub fn stores(&self) -> Result<DynamoStores> {
        Ok(self.aws.stores(required(
            self.resources.stores_table.as_ref(),
            "STORES_TABLE",
            "--stores-table",
        )?))
    }

    pub fn event_queue(&self) -> Result<SqsEventQueue> {
        let url = required(
            self.resources.event_queue_url.as_ref(),
            "EVENT_QUEUE_URL",
            "--event-queue-url",
        )?;
        Ok(self.aws.event_queue(url))
    }

    pub fn fan_out_queue(&self) -> Result<SqsFanOut> {
        let url = self.resources.fan_out_queue_url.as_ref();
        Ok(self
            .aws
            .fan_out(required(url, "FAN_OUT_QUEUE_URL", "--fan-out-queue-url")?))
    }

    pub fn fan_out_dead_letters(&self) -> Result<SqsDeadLetters> {
        Ok(self.aws.dead_letters(required(
            self.resources.fan_out_dead_letter_queue_url.as_ref(),
            "FAN_OUT_DEAD_LETTER_QUEUE_URL",
            "--fan-out-dead-letter-queue-url",
        )?))
    }

    pub fn events(&self) -> Result<DynamoEventLog> {
        let table = required(self.resources.events_table.as_ref(), "EVENTS_TABLE", "--events-table")?;
        Ok(self.aws.event_log(table))
    }

    /// None without a table.
    pub fn event_log(&self) -> Option<DynamoEventLog> {
        non_blank(self.resources.events_table.as_ref()).map(|table| self.aws.event_log(table))
    }

    pub fn endpoints(&self) -> Result<DynamoEndpoints> {
        let table = self.resources.endpoints_table.as_ref();
        let table = required(table, "ENDPOINTS_TABLE", "--endpoints-table")?;
        Ok(self.aws.endpoints(table))
    }

    pub fn outboxes(&self) -> Result<DynamoOutboxes> {
        let table = self.resources.outboxes_table.as_ref();
        let table = required(table, "OUTBOXES_TABLE", "--outboxes-table")?;
        Ok(self.aws.outboxes(table))
    }

    pub fn messages(&self) -> Result<DynamoMessages> {
        let table = self.resources.messages_table.as_ref();
        let table = required(table, "MESSAGES_TABLE", "--messages-table")?;
        let events = required(self.resources.events_table.as_ref(), "EVENTS_TABLE", "--events-table")?;
        Ok(self.aws.messages(table, events))
    }

    pub fn stats(&self) -> Result<DynamoStats> {
        let table = self.resources.messages_table.as_ref();
        Ok(self.aws.stats(required(table, "MESSAGES_TABLE", "--messages-table")?))
    }

    pub fn wake_ups(&self) -> Result<SqsWakeUps> {
        let fast = self.resources.dispatch_queue_url.as_ref();
        let fast = required(fast, "DISPATCH_QUEUE_URL", "--dispatch-queue-url")?;
        let slow = self.resources.slow_dispatch_queue_url.as_ref();
        let slow = required(slow, "SLOW_DISPATCH_QUEUE_URL", "--slow-dispatch-queue-url")?;
        Ok(self.aws.wake_ups(fast, slow))
    }

    pub fn endpoint_vault(&self) -> Result<KmsVault> {
        let key = self.resources.endpoint_key.as_ref();
        Ok(self.aws.vault(required(key, "ENDPOINT_KEY_ARN", "--endpoint-key")?))
    }

    pub fn dead_letters(&self) -> Result<SqsDeadLetters> {
        let url = self.resources.dead_letter_queue_url.as_ref();
        Ok(self
            .aws
            .dead_letters(required(url, "DEAD_LETTER_QUEUE_URL", "--dead-letter-queue-url")?))
    }
}

/// The value, unless it is blank.
pub fn non_blank(value: Option<&String>) -> Option<&String> {
    value.filter(|value| !value.trim().is_empty())
}

/// The value; an error that names variable and option if it is missing or blank.
pub fn required<'a>(value: Option<&'a String>, variable: &str, option: &str) -> Result<&'a String> {
    match non_blank(value) {
        Some(value) => Ok(value),
        None => bail!(
            "{variable} is not set: set it, or give {option}. To set all variables from the outputs of a stack: \
             eval \"$(make --silent where STACK=hookline)\""
        ),
    }
}
