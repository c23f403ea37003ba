//! `POST /api/live/tickets`: issues a ticket, which opens one WebSocket, to the bearer of a token.

use hookline_domain::{
    access::{
        Principal,
        ticket::{GOOD_FOR, Ticket, Tickets},
    },
    kernel::port::Clock,
};
use http::{Response, StatusCode};
use lambda_http::Body;
use serde::Serialize;

use crate::guard::ApiError;
use hookline_lambda::serve::json;

/// The route in API Gateway.
pub(crate) const ROUTE: &str = "POST /api/live/tickets";

/// A ticket for one connection to the WebSocket API.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct IssuedTicket<'a> {
    /// The ticket, which opens one connection.
    ticket: &'a str,
    /// Lifetime, in seconds.
    #[cfg_attr(test, schemars(with = "u64"))]
    expires_in: i64,
}

/// Issues a ticket to an authorized principal.
///
/// # Errors
/// [`ApiError::NotConfigured`] without a table of tickets, [`ApiError::Unavailable`] when the ticket could not be stored.
pub(crate) async fn issue(
    tickets: Option<&impl Tickets>,
    principal: Principal,
    clock: &impl Clock,
) -> Result<Response<Body>, ApiError> {
    let tickets = tickets.ok_or(ApiError::NotConfigured("ACCESS_TABLE"))?;
    let (ticket, text) = Ticket::mint(principal, clock.now())?;
    tickets.issue(&ticket).await?;
    tracing::info!(service = "status", principal = ticket.principal.id, "ticket issued");
    let issued = IssuedTicket {
        ticket: text.reveal(),
        expires_in: GOOD_FOR.as_secs(),
    };
    Ok(json(StatusCode::CREATED, &issued))
}

#[cfg(test)]
mod tests {
    use hookline_domain::{
        access::{Reach, Role, ticket::TicketKey},
        memory::MemoryAccess,
    };
    use serde_json::Value;

    use super::*;
    use crate::testing::{Down, noon, principal};

    #[tokio::test]
    async fn ticket_stands_for_the_principal_it_was_issued_to() {
        let access = MemoryAccess::default();
        let somebody = principal(Role::Viewer, Reach::All);
        let response = issue(Some(&access), somebody.clone(), &noon()).await.unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let Body::Text(text) = response.body() else {
            panic!("{response:?}")
        };
        let issued: Value = serde_json::from_str(text).unwrap();
        assert_eq!(issued["expires_in"], 30);
        let key = TicketKey::of(issued["ticket"].as_str().unwrap()).unwrap();
        assert_eq!(access.spend(&key, noon()).await.unwrap(), Some(somebody));
    }

    #[tokio::test]
    async fn no_ticket_is_issued_without_a_table_or_when_it_is_unavailable() {
        let somebody = || principal(Role::Admin, Reach::All);
        let not_configured = issue(None::<&MemoryAccess>, somebody(), &noon()).await.unwrap_err();
        assert_eq!(not_configured.response("test").status(), 501);
        let down = issue(Some(&Down), somebody(), &noon()).await.unwrap_err();
        assert_eq!(down.response("test").status(), 503);
    }
}
