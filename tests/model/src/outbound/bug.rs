//! Well-known mistakes of dispatchers: ports, or processes of the model, that misbehave.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bug {
    /// An entry is removed before the record is written.
    RemovedBeforeTheRecord,
    /// The outbox is not looked at after the release.
    NoSecondLook,
    /// A wake-up is dropped although the holder of the lease has released it, and may have looked for the last time.
    DroppedAfterTheRelease,
    /// Records are written whatever their revision.
    PutWhateverTheRevision,
    /// Records are not read.
    NoRecordRead,
    /// The endpoint is read once in a run.
    EndpointReadOnce,
    /// The entry of a retry is added after that of the attempt is removed.
    RetryAfterTheRemoval,
    /// A general failure counts as the message's own.
    GeneralSpendsAnAttempt,
    /// An outbox whose last page was empty is removed with its lease and its next look (F9).
    HealthGoesWithTheLastEntry,
    /// Fan-out deletes its queue message before it adds entries.
    QueueMessageGoesFirst,
    /// A release leaves the time of the next look as it was.
    NextLookIsLeft,
    /// A retry by hand has no run of its own (F7).
    RetriedInTheSameRun,
    /// The version of a state is noted when the endpoint has taken it, not before it is posted (F11).
    VersionNotedAfterThePost,
    /// A probe of an open breaker is always the oldest message (F12).
    ProbeIsTheOldest,
    /// The breaker is not known to who acquires the outbox: it closes without a probe.
    BreakerIsForgotten,
    /// Nobody looks at an outbox whose breaker is open.
    BreakerIsNeverProbed,
    /// A success does not close the breaker.
    SuccessDoesNotClose,
    /// `drop` takes what was accepted since the activation, too.
    DropTakesWhatCameSince,
    /// A message that `drop` takes gets no record.
    DroppedWithoutAFate,
    /// The backlog counts as settled before the older states have their fates.
    BacklogSettledFirst,
    /// The newest state is that which was accepted last.
    NewestIsTheLast,
    /// A fact counts as an old state.
    FactsCountAsStates,
    /// The backlog is read once in a run.
    BacklogReadOnce,
    /// An activation that is made again, because the first died, is refused, and wakes nobody.
    ActivatedAgainWithoutAWakeUp,
    /// All endpoints have one lease.
    LeaseOfAll,
    /// All wake-ups are of one endpoint.
    WakeUpOfAll,
    /// Records are of events, whatever their endpoint.
    RecordOfAll,
    /// An entry is removed from all outboxes.
    RemovedOfAll,
}
