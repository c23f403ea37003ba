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
}
