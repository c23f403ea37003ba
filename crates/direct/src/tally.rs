//! [`Tally`] in the stores' table.

use hookline_domain::{
    kernel::{ids::StoreKey, port::PortError},
    store::stores::{StoreUpdate, Tally},
};

use crate::{
    answer::Answer,
    changes::{Changes, STORE},
    client::Attempts,
    dynamodb::{self, Change, DynamoDb, Update},
    value::{Fields, Value},
};

const PORT: &str = "stores";

/// A [`Tally`] in DynamoDB: each change is one `UpdateItem`, attempted once, for `ADD` may not be repeated. When an answer
/// gets lost, a second attempt would count everything twice; what fails is a count that is missing, which is the lesser harm.
#[derive(Debug, Clone)]
pub struct DirectTally {
    dynamodb: DynamoDb,
    table: String,
}

impl DirectTally {
    pub(crate) fn new(dynamodb: DynamoDb, table: impl Into<String>) -> Self {
        Self {
            dynamodb,
            table: table.into(),
        }
    }

    /// Whether DynamoDB's answer says that the change is made. A store nobody has heard of is not made, which is no failure.
    ///
    /// # Errors
    /// When it says neither.
    pub fn read_added(answer: &Answer) -> Result<(), PortError> {
        dynamodb::updated(answer).map_err(|error| error.of(PORT))
    }
}

impl Tally for DirectTally {
    async fn add(&self, store: &StoreKey, update: &StoreUpdate) -> Result<(), PortError> {
        let changes = Changes::of_receiver(update).map_err(|error| PortError::new(PORT, error))?;
        if changes.is_empty() {
            return Ok(());
        }
        let expression = changes.finish();
        let names = expression.names.into_iter();
        let values = expression.values.into_iter();
        let update = Update {
            table: &self.table,
            key: Fields(vec![
                ("pk".into(), Value::text(store.to_string())),
                ("sk".into(), Value::text(STORE)),
            ]),
            change: Change {
                update: expression.update.into(),
                condition: "attribute_exists(pk)",
                names: names.map(|(name, attribute)| (name.into(), attribute.into())).collect(),
            },
            values: Fields(values.map(|(name, value)| (name.into(), value)).collect()),
        };
        let answer = self.dynamodb.update(&update, Attempts::One).await;
        Self::read_added(&answer.map_err(|error| error.of(PORT))?)
    }
}
