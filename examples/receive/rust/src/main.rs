//! Receives Hookline's webhooks with hyper, and prints a line for each:
//!
//! ```sh
//! HOOKLINE_SECRET=whsec_… PORT=3000 cargo run
//! ```
//!
//! During a rotation `HOOKLINE_SECRET` holds both secrets, with a comma between them.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use hookline_webhooks::{BoxError, Event, Handler, MAX_BODY_BYTES, Outcome, RecentIds, Skip, Verifier, VerifyError};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::spawn_blocking};

/// The newest version of each thing. In production: a column of the thing's own row, and `UPDATE … SET version = $1 WHERE id = $2
/// AND version <= $1`, which also works for several processes.
#[derive(Default)]
struct Newest(Mutex<HashMap<[String; 4], u64>>);

impl Newest {
    /// Returns true if a newer state of the event's subject was here before.
    fn is_older(&self, event: &Event) -> Result<bool, BoxError> {
        let Some(version) = &event.subject.version else {
            return Ok(false);
        };
        let version: u64 = version.parse()?;
        let (store, subject) = (&event.store, &event.subject);
        let key = [&store.source, &store.id, &subject.kind, &subject.id].map(Clone::clone);
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = versions.entry(key).or_insert(version);
        // Two events of one state have the same version.
        let is_older = version < *newest;
        *newest = version.max(*newest);
        Ok(is_older)
    }
}

/// Answer first, work afterwards: put the event on a queue here. An error is answered with 500, and the event sent again.
fn receive(newest: &Newest, event: &Event) -> Result<(), BoxError> {
    let (kind, subject) = (&event.kind, &event.subject);
    if newest.is_older(event)? {
        println!("skipped: older");
    } else {
        println!("handled: {kind} {}/{}", subject.kind, subject.id);
    }
    Ok(())
}

/// Verifies the signature over the bytes of the body, and refuses times over 5 minutes off.
fn handler(secrets: &str) -> Result<Handler, BoxError> {
    let newest = Arc::new(Newest::default());
    let receive = move |event: &Event| receive(&newest, event);
    let (stock, order) = (receive.clone(), receive.clone());
    Ok(Handler::new(Verifier::new(secrets.split(','))?)
        // Ids of one process. In production: your own `Seen` over a table with a unique key.
        .seen(RecentIds::default())
        .on_inventory_change(move |event, _product| stock(event))
        .on_order_complete(move |event, _checkout| order(event))
        .on_product_change(move |event, _product| receive(event)))
    // .on(EventType::ORDER_CREATED, …)     // any other type
}

/// Answers 204, or 400, 403, 405, 413, with the reason.
async fn answer(handler: Handler, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.method() != Method::POST {
        let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, String::new());
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let (head, body) = request.into_parts();
    let outcome = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => {
            let handle = move || handler.handle(|name| head.headers.get(name)?.to_str().ok(), &body.to_bytes());
            // Callbacks may block.
            spawn_blocking(handle).await.expect("handle does not panic")
        }
        Err(error) if error.is::<LengthLimitError>() => Outcome::TooLarge,
        // The sender is gone, or what it sends is not HTTP. Not a success: the event is sent again.
        Err(_) => return respond(StatusCode::BAD_REQUEST, String::new()),
    };
    print(&outcome);
    let is_success = outcome.status() == 204;
    let reason = if is_success { String::new() } else { outcome.to_string() };
    let status = StatusCode::from_u16(outcome.status()).expect("a status is a status");
    respond(status, reason)
}

fn respond(status: StatusCode, reason: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reason.into()));
    *response.status_mut() = status;
    response
}

/// Prints an outcome that no callback has printed.
fn print(outcome: &Outcome) {
    match outcome {
        Outcome::Handled => {}
        Outcome::Skipped(Skip::Type(_)) => println!("skipped: type"),
        Outcome::Skipped(Skip::Version(_)) => println!("skipped: version"),
        Outcome::Skipped(Skip::Seen) => println!("skipped: seen"),
        Outcome::Refused(VerifyError::Headers) => println!("refused: headers"),
        Outcome::Refused(VerifyError::Timestamp) => println!("refused: timestamp"),
        Outcome::Refused(VerifyError::Signature) => println!("refused: signature"),
        Outcome::Malformed(_) => println!("refused: body"),
        Outcome::TooLarge => println!("refused: size"),
        Outcome::Forgotten(_) | Outcome::Failed(_) => println!("failed: {outcome}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    #[expect(clippy::disallowed_methods, reason = "a program of its own")]
    let variable = |name| std::env::var(name).ok();
    let secrets = variable("HOOKLINE_SECRET");
    let handler = handler(&secrets.ok_or("HOOKLINE_SECRET is missing: set it to the secret of the endpoint")?)?;
    let port: u16 = variable("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}/webhooks", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let handler = handler.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(answer(handler.clone(), request).await) });
            if let Err(error) = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
            {
                println!("failed: {error}");
            }
        });
    }
}
