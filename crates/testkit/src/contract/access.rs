//! Contract suite of [`Tokens`] and [`Tickets`].

use std::collections::BTreeSet;

use hookline_domain::access::{
    Principal, Reach, Role,
    ticket::{Ticket, TicketKey, Tickets},
    token::{PresentedToken, Token, TokenChange, Tokens},
};

use super::at_once;
use crate::builders::{at, noon, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! access_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            access,
            $start,
            [
                no_token_exists_at_first,
                token_reads_back,
                token_does_not_replace_another,
                tokens_are_listed_by_creation_time,
                revoked_token_keeps_the_time_of_its_first_revocation,
                permissions_of_a_token_may_be_changed,
                revoked_token_is_not_changed,
                unknown_token_is_neither_revoked_nor_changed,
                ticket_is_spent_once,
                only_one_of_many_concurrent_callers_spends_a_ticket,
                expired_ticket_is_not_accepted,
                tickets_are_independent_and_no_tokens,
            ]
        );
    };
}

fn minted(reach: Reach, seconds: i64) -> (Token, PresentedToken) {
    let name = "Ana's chatbot, \u{fc}bung".to_owned();
    Token::mint(Role::Viewer, reach, name, noon_plus(seconds), noon_plus(3600)).unwrap()
}

fn two_stores() -> Reach {
    Reach::Stores(BTreeSet::from([store("demo"), store("other")]))
}

pub async fn no_token_exists_at_first(tokens: &impl Tokens) {
    let (token, _) = minted(Reach::All, 0);
    assert_eq!(tokens.find(&token.id).await.unwrap(), None);
    assert_eq!(tokens.list().await.unwrap(), []);
}

pub async fn token_reads_back(tokens: &impl Tokens) {
    for reach in [Reach::All, two_stores()] {
        let (mut token, borne) = minted(reach, 0);
        token.expires_at = at("2026-12-21T12:00:00.123456Z");
        assert!(tokens.put(&token).await.unwrap());
        let found = tokens.find(borne.id()).await.unwrap().unwrap();
        assert_eq!(found, token);
        assert!(found.principal(&borne, noon()).is_ok());
    }
}

pub async fn token_does_not_replace_another(tokens: &impl Tokens) {
    let (token, _) = minted(Reach::All, 0);
    tokens.put(&token).await.unwrap();
    let (mut other, _) = minted(two_stores(), 0);
    other.id = token.id.clone();
    assert!(!tokens.put(&other).await.unwrap());
    assert_eq!(tokens.find(&token.id).await.unwrap(), Some(token));
}

pub async fn tokens_are_listed_by_creation_time<A: Tokens + Tickets>(access: &A) {
    let mut made = Vec::new();
    for seconds in [3, 1, 2] {
        let (token, _) = minted(Reach::All, seconds);
        access.put(&token).await.unwrap();
        made.push(token);
    }
    access.issue(&ticket("tok_1").0).await.unwrap();
    access.revoke(&made[0].id, noon_plus(9)).await.unwrap();
    made[0].revoked_at = Some(noon_plus(9));
    made.sort_by_key(|token| token.created_at);
    assert_eq!(access.list().await.unwrap(), made);
}

pub async fn revoked_token_keeps_the_time_of_its_first_revocation(tokens: &impl Tokens) {
    let (token, borne) = minted(Reach::All, 0);
    tokens.put(&token).await.unwrap();
    let first = tokens.revoke(&token.id, noon_plus(1)).await.unwrap().unwrap();
    assert_eq!(first.revoked_at, Some(noon_plus(1)));
    assert_eq!(
        tokens.revoke(&token.id, noon_plus(2)).await.unwrap(),
        Some(first.clone())
    );
    assert!(!tokens.put(&token).await.unwrap());
    let found = tokens.find(&token.id).await.unwrap().unwrap();
    assert!(found.principal(&borne, noon()).is_err());
    assert_eq!(found, first);
}

pub async fn permissions_of_a_token_may_be_changed(tokens: &impl Tokens) {
    let (token, _) = minted(Reach::All, 0);
    tokens.put(&token).await.unwrap();
    let role = TokenChange {
        role: Some(Role::Admin),
        reach: None,
    };
    let admin = tokens.change(&token.id, &role).await.unwrap().unwrap();
    assert_eq!((admin.role, &admin.reach), (Role::Admin, &Reach::All));
    let reach = TokenChange {
        role: None,
        reach: Some(two_stores()),
    };
    let fewer = tokens.change(&token.id, &reach).await.unwrap().unwrap();
    assert_eq!((fewer.role, &fewer.reach), (Role::Admin, &two_stores()));
    assert_eq!(
        tokens.change(&token.id, &TokenChange::default()).await.unwrap(),
        Some(fewer.clone())
    );
    assert_eq!(tokens.find(&token.id).await.unwrap(), Some(fewer.clone()));
    let unchanged = Token {
        role: fewer.role,
        reach: fewer.reach,
        ..token
    };
    assert_eq!(tokens.find(&unchanged.id).await.unwrap(), Some(unchanged));
}

pub async fn revoked_token_is_not_changed(tokens: &impl Tokens) {
    let (token, _) = minted(two_stores(), 0);
    tokens.put(&token).await.unwrap();
    tokens.revoke(&token.id, noon()).await.unwrap();
    let all = TokenChange {
        role: Some(Role::Admin),
        reach: Some(Reach::All),
    };
    assert_eq!(tokens.change(&token.id, &all).await.unwrap(), None);
    let found = tokens.find(&token.id).await.unwrap().unwrap();
    assert_eq!((found.role, found.reach), (Role::Viewer, two_stores()));
}

pub async fn unknown_token_is_neither_revoked_nor_changed(tokens: &impl Tokens) {
    let (token, _) = minted(Reach::All, 0);
    assert_eq!(tokens.revoke(&token.id, noon()).await.unwrap(), None);
    let change = TokenChange {
        role: Some(Role::Admin),
        reach: Some(Reach::All),
    };
    for change in [change, TokenChange::default()] {
        assert_eq!(tokens.change(&token.id, &change).await.unwrap(), None);
    }
    assert_eq!(tokens.find(&token.id).await.unwrap(), None);
}

/// A ticket that is valid from noon for [`GOOD_FOR`](hookline_domain::access::ticket::GOOD_FOR), half a minute.
fn ticket(principal: &str) -> (Ticket, TicketKey) {
    let principal = Principal {
        id: principal.to_owned(),
        role: Role::Admin,
        reach: two_stores(),
        expires_at: at("2026-11-21T13:00:00.123456Z"),
    };
    let (ticket, text) = Ticket::mint(principal, noon()).unwrap();
    let key = TicketKey::of(text.reveal()).unwrap();
    (ticket, key)
}

pub async fn ticket_is_spent_once(tickets: &impl Tickets) {
    let (ticket, key) = ticket("shopify:demo.myshopify.com:42");
    assert_eq!(tickets.spend(&key, noon()).await.unwrap(), None);
    tickets.issue(&ticket).await.unwrap();
    assert_eq!(
        tickets.spend(&key, noon_plus(29)).await.unwrap(),
        Some(ticket.principal)
    );
    assert_eq!(tickets.spend(&key, noon_plus(29)).await.unwrap(), None);
}

pub async fn only_one_of_many_concurrent_callers_spends_a_ticket<T: Tickets + Clone + 'static>(tickets: &T) {
    let (ticket, key) = ticket("tok_1");
    tickets.issue(&ticket).await.unwrap();
    let tasks = (0..16).map(|_| {
        let (tickets, key) = (tickets.clone(), key.clone());
        async move { tickets.spend(&key, noon()).await.unwrap() }
    });
    let spent = at_once(tasks.collect()).await;
    assert_eq!(spent.iter().flatten().count(), 1);
}

pub async fn expired_ticket_is_not_accepted(tickets: &impl Tickets) {
    let (ticket, key) = ticket("tok_1");
    tickets.issue(&ticket).await.unwrap();
    assert_eq!(tickets.spend(&key, noon_plus(30)).await.unwrap(), None);
}

pub async fn tickets_are_independent_and_no_tokens<A: Tokens + Tickets>(access: &A) {
    let [(one, first), (other, second)] = [ticket("tok_1"), ticket("tok_2")];
    access.issue(&one).await.unwrap();
    access.issue(&other).await.unwrap();
    assert_eq!(access.list().await.unwrap(), []);
    assert_eq!(access.spend(&second, noon()).await.unwrap(), Some(other.principal));
    assert_eq!(access.spend(&first, noon()).await.unwrap(), Some(one.principal));
}
