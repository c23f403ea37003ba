//! Requests of DynamoDB as data: an adapter adds the table's name and sends them.

use std::borrow::Cow;

use crate::value::{Item, Value};

/// Attribute names by their placeholders, as in `#pk` and `pk`.
pub type Names = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// Item that a write returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Returned {
    /// None.
    #[default]
    Nothing,
    /// The attributes that an update has changed, with their old values.
    UpdatedOld,
    /// The whole item after an update.
    AllNew,
    /// The whole item before a deletion.
    AllOld,
}

/// A put of one item, which replaces the one with its key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Put {
    /// The item.
    pub item: Item,
    /// Condition on the existing item.
    pub condition: Option<&'static str>,
    /// Names in the condition.
    pub names: Names,
    /// Values in the condition.
    pub values: Item,
    /// Makes a refusal return the item that the condition did not hold for, which saves a second read.
    pub returns_refusing_item: bool,
}

/// An update of one item, which is made if it is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Update {
    /// The item's key.
    pub key: Item,
    /// As in `SET #state = :done`.
    pub expression: Cow<'static, str>,
    /// Condition on the existing item.
    pub condition: Option<&'static str>,
    /// Names in both.
    pub names: Names,
    /// Values in both.
    pub values: Item,
    /// Item that a success returns.
    pub returned: Returned,
    /// Makes a refusal return the item that the condition did not hold for, which saves a second read.
    pub returns_refusing_item: bool,
}

/// A deletion of one item. Deleting an absent one succeeds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Delete {
    /// The item's key.
    pub key: Item,
    /// Condition on the existing item.
    pub condition: Option<&'static str>,
    /// Values in the condition.
    pub values: Item,
    /// Item that a success returns.
    pub returned: Returned,
}

/// One write of a transaction or a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A put.
    Put(Put),
    /// An update.
    Update(Update),
    /// A deletion.
    Delete(Delete),
}

/// Outcome of a conditional write.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteOutcome<T> {
    /// The condition held. The item that the write returns, if it does.
    Written(Option<T>),
    /// The condition did not hold for this item; `None` if there is no item, or the refusal does not return it.
    Refused(Option<T>),
}

impl<T> WriteOutcome<T> {
    /// True if the condition held.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }

    /// The item that a success returned.
    pub fn into_written(self) -> Option<T> {
        match self {
            Self::Written(item) => item,
            Self::Refused(_) => None,
        }
    }
}

/// A read of items with one partition key, in the order of their sort keys. Sees every write before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Condition on the key.
    pub condition: &'static str,
    /// Condition on other attributes.
    pub filter: Option<String>,
    /// The attributes to return, if not all.
    pub projection: Option<&'static str>,
    /// Names in all three.
    pub names: Names,
    /// Values in all three.
    pub values: Item,
    /// True if the last sort key comes first.
    pub is_reversed: bool,
    /// Maximum items of one page; without it, at most 1 MB of items.
    pub limit: Option<usize>,
    /// Key of the item to continue after.
    pub after: Option<Item>,
}

/// A `PartiQL` statement on one item
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html>).
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// With a question mark for each parameter.
    pub text: String,
    /// In the order of their question marks.
    pub parameters: Vec<Value>,
}

/// Key of an item in a table with a sort key.
pub fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([("pk", Value::text(pk)), ("sk", Value::text(sk))])
}

/// All items with one partition key.
pub fn partition(pk: impl Into<String>) -> Query {
    Query {
        condition: "pk = :pk",
        values: Item::from([(":pk", Value::text(pk))]),
        ..Query::default()
    }
}

/// Names by placeholder, from literals.
pub(crate) fn names<const N: usize>(pairs: [(&'static str, &'static str); N]) -> Names {
    pairs
        .into_iter()
        .map(|(placeholder, name)| (placeholder.into(), name.into()))
        .collect()
}

/// A table's name in a statement.
pub(crate) fn quoted(table: &str) -> String {
    format!("\"{table}\"")
}
