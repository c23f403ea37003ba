//! Well-known mistakes. A check that does not find them would prove nothing.

/// One mistake, seeded into the tables, the index or the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bug {
    /// The receiver sends before it claims.
    SendBeforeClaim,
    /// A claim never lapses: a claimed delivery counts as a duplicate.
    NoLease,
    /// A delivery under another receiver's live claim counts as a duplicate.
    LiveClaimIsDuplicate,
    /// The fence lets only *newer* states pass: `<` instead of `<=`.
    FenceRejectsEqualVersion,
    /// The fence lets every state pass.
    NoFence,
    /// A deletion leaves nothing behind.
    NoTombstone,
    /// The index accepts every change, whatever its version.
    NoIndexVersion,
    /// An uninstall carries no time, so every later delivery looks like a new install.
    NoFloor,
    /// The consumer reads the store once per batch and not again.
    StoreReadOnce,
    /// An uninstall retires an entity even if a newer state has passed the fence meanwhile.
    RetireIgnoresVersions,
    /// A job is lost.
    JobIsLost,
    /// The trigger time of a header is trusted as if it were signed.
    TriggerIsTrusted,
    /// A trigger time later than the receipt is trusted.
    TriggerBeyondReceipt,
    /// Any signed body uninstalls the store that a header names.
    AnyBodyUninstalls,
    /// Any signed body deletes the entity that it names.
    AnyBodyDeletes,
    /// Any signed body requests the erasure of the store that a header names.
    AnyRequestRedacts,
    /// A failed delivery that was applied in the end stays recorded as failed.
    AppliedStaysFailed,
    /// A delivery that another consumer completed is recorded as failed.
    CompletedIsRecordedAsFailed,
    /// A consumer that completes a delivery does not see its earlier failure.
    EarlierFailureIsIgnored,
    /// A state read from the catalog counts as indexed once it has passed the fence.
    ConfirmedBeforeTheIndex,
    /// A confirmation confirms the newest state that has passed the fence, whichever it is.
    ConfirmIgnoresVersions,
    /// A reconciliation compares times instead of rendered documents.
    ComparedByTimes,
    /// No state is ever confirmed as indexed.
    NeverConfirmed,
    /// A consumer does not see that a message was received before.
    RetryLooksNew,
    /// Search shows everything in the index, also of an uninstalled store.
    SearchIgnoresUninstall,
    /// An event is committed without the mark that it may not have been sent.
    CommitWithoutUnsent,
    /// An event is committed although a newer state has passed the fence.
    CommitIgnoresVersions,
    /// That an event may not have been sent is ignored where a state does not differ.
    UnsentIsIgnored,
    /// The published state is written after the event has been sent, and not before.
    PublishedAfterTheSend,
    /// A run through the catalog writes the published state where there was none, without an event.
    SilentBaseline,
    /// Those who listen at the first look at a store count, and not those at the second.
    ListenersOfTheFirstLook,
    /// State published before a break in listening counts after it.
    PublishedOfAnotherPeriod,
    /// An event's id is made of the second in which the state was signed and of its content.
    IdOfTheSignedSecond,
    /// An event's id is drawn at random at each send.
    IdIsDrawn,
    /// An event that replaces one that may not have been sent says only what differs from that one.
    BaseIsLost,
    /// The reader does not read when a product was created.
    CreationIsUnread,
    /// A state that is known in part counts as the whole.
    PartIsAnEvent,
    /// A run deletes what it found gone without a job that says so.
    GoneIsInNoJob,
}
