//! Well-known ways to get it wrong. A check that finds none of them would prove nothing.

/// One mistake, seeded into the tables, the index or the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bug {
    /// The receiver sends first and claims then.
    SendBeforeClaim,
    /// A claim never lapses: what is claimed counts as a duplicate.
    NoLease,
    /// Somebody else's live claim is answered as a duplicate.
    LiveClaimIsADuplicate,
    /// The fence lets only *newer* states pass: `<` for `<=`.
    FenceRefusesTheSameVersion,
    /// The fence lets every state pass.
    NoFence,
    /// A deletion leaves nothing behind.
    NoTombstone,
    /// The index takes every change, whatever its version.
    NoIndexVersion,
    /// An uninstall does not say when it was, so that everything that comes later looks like a new install.
    NoFloor,
    /// The store is read once for each batch: the consumer does not look again.
    StoreReadOnce,
    /// An uninstall takes an entity out of the fence whatever has passed meanwhile.
    RetireIgnoresVersions,
    /// Jobs get lost.
    JobsGetLost,
    /// A header's word counts as if it were signed.
    TriggerIsBelieved,
    /// A header's word counts beyond the moment at which it came.
    TriggerBeyondReceipt,
    /// Whatever is signed uninstalls the store whose name a header says.
    AnyBodyUninstalls,
    /// Whatever is signed deletes what it names.
    AnyBodyDeletes,
    /// Whatever is signed has the store erased whose name a header says.
    AnyRequestRedacts,
    /// A delivery that has failed and is applied at last is not forgotten.
    AppliedIsNotForgotten,
    /// A delivery that another consumer completed is recorded as failed.
    DoneIsRemembered,
    /// A consumer that completes a delivery does not see its earlier failure.
    FailureIsUnseen,
    /// A state read from the catalog counts as indexed once it has passed the fence.
    ConfirmedBeforeTheIndex,
    /// Whoever confirms a state confirms the newest that has passed the fence, whichever that is.
    ConfirmIgnoresVersions,
    /// A reconciliation compares times, and not what was rendered.
    ComparedByTimes,
    /// Nobody remembers what the index holds.
    NeverConfirmed,
    /// A consumer does not see that a message has been received before.
    RetriesLookNew,
    /// Search shows what the index holds, uninstalled or not.
    SearchShowsEverything,
}
