//! The indexed catalog: entities and their fences, documents, the search index, and the jobs that fill gaps.

pub mod apply;
pub mod digest;
pub mod document;
pub mod entities;
pub mod event_message;
pub mod fan_out;
pub mod index;
pub mod jobs;
pub mod published;
