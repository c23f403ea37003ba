//! Update expressions, put together attribute by attribute.

use std::borrow::Cow;

use crate::{
    request::{Names, Update},
    value::{Item, Value},
};

/// An update expression in the making. Every attribute gets a placeholder, for most of our names hold a `/` or are reserved.
#[derive(Debug, Default)]
pub struct UpdateBuilder {
    set: Vec<String>,
    add: Vec<String>,
    remove: Vec<String>,
    names: Names,
    values: Item,
}

impl UpdateBuilder {
    /// True if the update would write nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Sets an attribute.
    pub fn set(&mut self, attribute: impl Into<Cow<'static, str>>, value: Value) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = {value}"));
    }

    /// Sets an attribute that the item does not have.
    pub fn set_if_absent(&mut self, attribute: impl Into<Cow<'static, str>>, value: Value) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = if_not_exists({name}, {value})"));
    }

    /// Adds to a number, which begins at 0.
    pub fn add(&mut self, attribute: impl Into<Cow<'static, str>>, value: Value) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.add.push(format!("{name} {value}"));
    }

    /// Removes an attribute.
    pub fn remove(&mut self, attribute: impl Into<Cow<'static, str>>) {
        let name = self.name(attribute);
        self.remove.push(name);
    }

    /// The update of the item with this key.
    #[must_use]
    pub fn finish(self, key: Item) -> Update {
        let clauses = [("SET", self.set), ("ADD", self.add), ("REMOVE", self.remove)];
        let clauses: Vec<String> = clauses
            .iter()
            .filter(|(_, parts)| !parts.is_empty())
            .map(|(clause, parts)| format!("{clause} {}", parts.join(", ")))
            .collect();
        Update {
            key,
            expression: clauses.join(" ").into(),
            names: self.names,
            values: self.values,
            ..Update::default()
        }
    }

    fn name(&mut self, attribute: impl Into<Cow<'static, str>>) -> String {
        let placeholder = format!("#{}", self.names.len() + 1);
        self.names.push((placeholder.clone().into(), attribute.into()));
        placeholder
    }

    fn value(&mut self, value: Value) -> String {
        let placeholder = format!(":{}", self.values.0.len() + 1);
        self.values.push(placeholder.clone(), value);
        placeholder
    }
}
