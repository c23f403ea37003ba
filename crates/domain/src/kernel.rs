//! Vocabulary and rules that every other wing uses: identifiers, versions, text, time, failures and ports that any
//! function may need.

pub mod advice;
pub mod compression;
pub mod erase;
pub mod failure;
pub mod ids;
pub mod money;
pub mod port;
pub mod secret;
pub mod text;
pub mod time;
pub mod version;
