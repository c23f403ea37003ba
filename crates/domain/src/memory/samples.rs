//! Samples for tests.

use jiff::Timestamp;

use crate::event::{product::Product, thin::Ordered};

/// Returns a visible product that is carried whole and has nothing but a title; tests add what matters to them.
///
/// # Panics
/// If the id is not one.
#[expect(clippy::needless_pass_by_value, reason = "tests give texts and numbers alike")]
pub fn product(id: impl ToString, updated_at: Timestamp, title: &str) -> Product {
    Product {
        id: id.to_string().parse().expect("it is an id"),
        updated_at,
        created_at: None,
        visible: true,
        title: title.into(),
        description: String::new(),
        vendor: None,
        product_type: None,
        tags: vec![],
        options: vec![],
        variants: vec![],
        complete: true,
        ordered: Ordered::Told,
        untold: vec![],
        collections: None,
        image: None,
        handle: None,
    }
}
