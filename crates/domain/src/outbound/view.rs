//! Views of endpoints and messages for people: JSON for the API and the command, with every text that both show.

mod endpoint;
mod headers;
mod message;
mod messages;
mod stats;
mod status;
mod why;

pub use self::{
    endpoint::{CertificateView, EndpointView, SecretView, StateName},
    headers::HeaderView,
    message::{AttemptView, FateName, MessageView},
    messages::{find_message, open_messages},
    stats::{EndpointStats, MAX_STATS_HOURS, StatsFigures, StatsHour, stats},
    status::{BreakerState, EndpointStatus, PoolName, QueueView, status},
    why::{EndpointWhy, why},
};

use jiff::Timestamp;

/// Formats a time to the second, with its date if that is not the date of `now`.
fn second_of(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let format = if day(at) == day(now) {
        "%H:%M:%S UTC"
    } else {
        "%-d %B %H:%M:%S UTC"
    };
    at.strftime(format).to_string()
}

/// Writes a number with commas between thousands: `1,204`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
