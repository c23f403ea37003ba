//! A store, followed live: what is told of it, and to whom.
//!
//! ```text
//!   every write of a store's record raises its `seq` by one, and holds what became of deliveries (`latest`)
//!        │ the table's stream
//!        ▼
//!   live-push: keeps the entries (Activity) ─▶ tells all who watch the store (Watchers, Push), in frames
//! ```
//!
//! A [`Frame::Update`] says after which `seq` it goes. Who has seen another one has missed something, and asks for a
//! [`Frame::Snapshot`]; so nothing is missed for longer than until the next frame, or the next answer to a ping.

mod follow;
mod frame;
mod lag;
mod notice;
mod ports;
mod tell;
#[cfg(test)]
mod tests;

pub use self::{
    follow::{CONNECTIONS, Follow, MESSAGE_LIMIT},
    frame::{ClientMessage, FRAME_LIMIT, Frame},
    lag::{Lag, Percentiles},
    notice::{Notice, NoticeKind, notices},
    ports::{Activity, ActivityBatch, ForgetActivity, Push, Pushed, RecordChange, Watcher, Watchers},
    tell::{AccessChanged, Broadcast, ROUND_EVERY},
};
