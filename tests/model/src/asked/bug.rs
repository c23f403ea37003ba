//! Well-known mistakes. A check that does not find them would prove nothing.

/// One mistake, seeded into the ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bug {
    /// States are ordered by the vendor's seconds, removals by those of the asking (A1).
    SecondsAreTheVendors,
    /// The fence compares no marks (A1).
    NoSeen,
    /// An answer begins an install, as a signed state does (A3).
    AnswersBeginInstalls,
    /// A removal retires the entry at once, before the document is removed (A4).
    RetiredBeforeTheIndex,
    /// Changes are read from the cursor itself on (A5).
    CursorWithoutOverlap,
    /// The cursor moves before what it covers is indexed (A5).
    CursorMovesFirst,
    /// An answer counts however old it is (P9).
    NoAtLeast,
    /// A removal puts a tombstone.
    RemovalsBury,
    /// Nothing requests again what is behind.
    BehindIsDropped,
    /// The removal after a disconnection ends only what is as old as its signed time.
    RemovedByTheSignedTime,
}
