//! Live updates: frames about stores, pushed to the connections that watch them.
//!
//! ```text
//!   every write of a store's record raises its `seq` by one, and holds outcomes of deliveries (`latest`)
//!        │ the table's stream
//!        ▼
//!   live-push: stores the entries (Activity) ─▶ sends frames to all who watch the store (Watchers, Push)
//! ```
//!
//! A [`Frame::Update`] says which `seq` it follows. A client that has seen another `seq` has missed something and requests
//! a [`Frame::Snapshot`]; so a gap lasts no longer than until the next frame, or the next answer to a ping.

mod broadcast;
mod follow;
mod frame;
mod lag;
mod notice;
mod ports;
#[cfg(test)]
mod tests;

pub use self::{
    broadcast::{AccessChanged, Broadcast, BroadcastPorts, ROUND_EVERY},
    follow::{CONNECTIONS, Follow, FollowPorts, MESSAGE_LIMIT},
    frame::{ClientMessage, FRAME_LIMIT, Frame},
    lag::{Lag, Percentiles},
    notice::{Notice, NoticeKind, notices},
    ports::{Activity, ActivityBatch, ForgetActivity, Push, Pushed, RecordChange, Watcher, Watchers},
};
