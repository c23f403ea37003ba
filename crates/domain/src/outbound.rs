//! Events on their way to listeners: each is kept once with its targets, then handed to them.
//!
//! The consumer and the sync worker send events; nothing of this wing is known to them. Events of the operator's own are made
//! here.

mod attempt;
mod bus;
pub mod catalog;
mod condition;
mod connected;
mod custom;
mod dispatch;
mod distribute;
mod endpoint;
mod event_log;
mod excerpt;
mod health;
mod manage;
mod message_record;
mod outbox;
mod pattern;
mod resend;
mod schedule;
mod stats;
mod sweep;
mod target;
mod view;
mod wake_up;
mod watch;

pub use self::{
    attempt::{Answer, AttemptCode, Attempted, DELIVERY_HEADER, MAX_EXCERPT_BYTES, Meaning, NoAnswerError, Wish},
    bus::{Bus, BusEvent},
    condition::{Condition, ConditionError, Operator},
    connected::announce_connected,
    custom::{CustomEvent, CustomEventError, MAX_KEY_LENGTH, Published, publish},
    dispatch::{Dispatch, DispatchPorts, EndpointRecords, Endpoints, Post, Posted, Proved, Run},
    distribute::{Distribute, FanOutMessage, FanOutPorts, Handled, Outcome, Webhooks},
    endpoint::{
        AuthKind, Backlog, BacklogMode, Challenge, Credentials, CredentialsChange, CredentialsIn, Endpoint,
        EndpointAuth, EndpointId, EndpointKey, EndpointLimits, EndpointSettings, EndpointState, EndpointVault,
        InvalidSettingsError, Ordering, ParseEndpointError, PayloadFormat, PersonalLevel, Proof, Scope, SealedAuth,
        SealedCertificate, SealedHeaders, SealedSecret, Signatures, TwoAuthorizationsError, WhenPaused,
    },
    event_log::{
        BusVerdict, EventFilter, EventLog, EventPage, EventRecords, Kept, KeptEvent, KeptSealed, Origin,
        ParseSubjectError, Settled, SubjectKey,
    },
    excerpt::Excerpt,
    health::{Health, Pool},
    manage::{EndpointChange, MAX_OF_ALL, MAX_OF_STORE, MAX_OVERLAP, Manage, ManageError, ManagePorts, new_key},
    message_record::{
        AttemptRecord, KEPT_ATTEMPTS, Known, MessageFate, MessageFilter, MessagePage, MessageRecord, MessageRecords,
        Messages, RECORD_RETENTION,
    },
    outbox::{
        Acquired, Entry, EntryKey, EntryPage, Lease, OutboxCount, OutboxRecords, OutboxState, Outboxes,
        ParseEntryKeyError,
    },
    pattern::{ParsePatternError, TypePattern},
    resend::{MAX_REPLAYED, ReplayOnly, ReplayRange, Replayed, Resend, ResendError, ResendPorts, Tested},
    schedule::{MAX_ATTEMPTS, retry_wait},
    stats::{
        AttemptCounts, HourStats, OutboxNotes, RESPONSE_TIME_BOUNDS_MS, RecentHours, ResponseTimes, STATS_RETENTION,
        Stats, StatsRecords,
    },
    sweep::sweep,
    target::{ParseVerdictError, Verdict, Verdicts},
    view::{
        AttemptView, BreakerState, CertificateView, EndpointStats, EndpointStatus, EndpointView, EndpointWhy, FateName,
        HeaderView, MAX_STATS_HOURS, MessageView, PoolName, QueueView, SecretView, StateName, StatsFigures, StatsHour,
        find_message, open_messages, stats, status, why,
    },
    wake_up::{MAX_WAKE_UP_DELAY, ParseWakeUpError, WakeUp, WakeUps},
    watch::Watch,
};

#[cfg(test)]
mod tests;
