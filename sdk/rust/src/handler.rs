//! Handler of webhooks: from a request to callbacks and a status.

use std::{
    fmt,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, SystemTime},
};

use hookline_events::{CheckoutData, Data, Event, EventType, ProductData, ReadError};

use crate::{
    BoxError, Failure, Outcome, Seen, Skip, Verifier,
    running::{NoTurn, Running, Turn},
};

/// Maximum size of a body. Hookline sends at most a quarter of it.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Time limit of the callbacks of an event.
const TIMEOUT: Duration = Duration::from_secs(2);

type Callback = Arc<dyn Fn(&Event) -> Result<(), BoxError> + Send + Sync>;
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Handler of webhooks: verifies a request, and calls the callbacks of its event's type in the order in which they were
/// given. Clones share everything.
///
/// Callbacks run in a thread of their own, so that one that hangs or panics is answered with 500 as one that fails, and the event
/// is sent again. An id is remembered once all callbacks have succeeded. A copy of an event that arrives while this process handles
/// it waits; copies in two processes may both be handled.
#[derive(Clone)]
pub struct Handler {
    verifier: Verifier,
    callbacks: Vec<(EventType, Callback)>,
    seen: Option<Arc<dyn Seen>>,
    timeout: Duration,
    clock: Clock,
    running: Arc<Running>,
}

impl Handler {
    /// A handler without callbacks.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            callbacks: Vec::new(),
            seen: None,
            timeout: TIMEOUT,
            clock: Arc::new(now),
            running: Arc::default(),
        }
    }

    /// Passes `inventory.updated`: the availability or a quantity of a product changed.
    #[must_use]
    pub fn on_inventory_change<F>(self, callback: F) -> Self
    where
        F: Fn(&Event, &ProductData) -> Result<(), BoxError> + Send + Sync + 'static,
    {
        self.on(EventType::INVENTORY_UPDATED, move |event| match &event.data {
            Data::Product(product) => callback(event, product),
            _ => Ok(()),
        })
    }

    /// Passes `checkout.completed`: an order came out of a chat session or a checkout. All orders are
    /// [`EventType::ORDER_CREATED`].
    #[must_use]
    pub fn on_order_complete<F>(self, callback: F) -> Self
    where
        F: Fn(&Event, &CheckoutData) -> Result<(), BoxError> + Send + Sync + 'static,
    {
        self.on(EventType::CHECKOUT_COMPLETED, move |event| match &event.data {
            Data::Checkout(checkout) => callback(event, checkout),
            _ => Ok(()),
        })
    }

    /// Passes `product.created`, `product.updated` and `product.deleted`. A deleted product is `None`; its id is
    /// `event.subject.id`.
    #[must_use]
    pub fn on_product_change<F>(mut self, callback: F) -> Self
    where
        F: Fn(&Event, Option<&ProductData>) -> Result<(), BoxError> + Send + Sync + 'static,
    {
        let callback: Callback = Arc::new(move |event| match &event.data {
            Data::Product(product) => callback(event, Some(product)),
            _ => callback(event, None),
        });
        for kind in [
            EventType::PRODUCT_CREATED,
            EventType::PRODUCT_UPDATED,
            EventType::PRODUCT_DELETED,
        ] {
            self.callbacks.push((kind, Arc::clone(&callback)));
        }
        self
    }

    /// Passes events of a type.
    #[must_use]
    pub fn on<F>(mut self, kind: EventType, callback: F) -> Self
    where
        F: Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static,
    {
        self.callbacks.push((kind, Arc::new(callback)));
        self
    }

    /// Skips events whose ids this memory contains. Without one, an event that is sent twice is handled twice.
    #[must_use]
    pub fn seen(mut self, seen: impl Seen + 'static) -> Self {
        self.seen = Some(Arc::new(seen));
        self
    }

    /// Changes the time limit of the callbacks of an event, which is 2 s.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Changes the clock that the time of requests is compared with, which is the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Handles a request of the method POST. Answer it with the [status](Outcome::status) of the outcome, and log the outcome.
    ///
    /// `header` returns the value of a header, whose name it receives in lower case. `body` is the body as received. Blocks
    /// until the callbacks have returned or the time limit is over.
    pub fn handle<'a>(&self, header: impl Fn(&str) -> Option<&'a str>, body: &[u8]) -> Outcome {
        if body.len() > MAX_BODY_BYTES {
            return Outcome::TooLarge;
        }
        let id = match self.verifier.verify(header, body, (self.clock)()) {
            Ok(id) => id,
            Err(error) => return Outcome::Refused(error),
        };
        let event = match Event::read(body) {
            Ok(event) => event,
            Err(ReadError::Version(version)) => return Outcome::Skipped(Skip::Version(version)),
            Err(ReadError::Type(kind)) => return Outcome::Skipped(Skip::Type(kind)),
            Err(error @ ReadError::Shape(_)) => return Outcome::Malformed(error),
        };
        let callbacks = self.callbacks.iter().filter(|(kind, _)| *kind == event.kind);
        let callbacks: Vec<Callback> = callbacks.map(|(_, callback)| Arc::clone(callback)).collect();
        if callbacks.is_empty() {
            return Outcome::Skipped(Skip::Type(event.kind.to_string()));
        }
        match self.running.turn(id, self.timeout) {
            Ok(turn) => self.run(event, id.to_owned(), callbacks, turn),
            Err(NoTurn::Late) => Outcome::Failed(Failure::Timeout(self.timeout)),
            Err(NoTurn::Busy) => Outcome::Failed(Failure::Busy),
        }
    }

    /// Runs the callbacks in a thread, and waits for them until the time limit.
    fn run(&self, event: Event, id: String, callbacks: Vec<Callback>, turn: Turn) -> Outcome {
        let (sender, receiver) = mpsc::channel();
        let seen = self.seen.clone();
        let work = move || {
            let outcome = call(&event, &id, &callbacks, seen.as_deref());
            drop(turn);
            // Nobody listens after the time limit.
            drop(sender.send(outcome));
        };
        let started = thread::Builder::new().name("hookline-webhooks".to_owned()).spawn(work);
        if started.is_err() {
            return Outcome::Failed(Failure::Busy);
        }
        match receiver.recv_timeout(self.timeout) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Outcome::Failed(Failure::Timeout(self.timeout)),
            Err(RecvTimeoutError::Disconnected) => Outcome::Failed(Failure::Panic),
        }
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.callbacks.iter().map(|(kind, _)| kind.as_str()).collect();
        f.debug_struct("Handler")
            .field("callbacks", &kinds)
            .finish_non_exhaustive()
    }
}

fn call(event: &Event, id: &str, callbacks: &[Callback], seen: Option<&dyn Seen>) -> Outcome {
    match seen.map(|seen| seen.contains(id)) {
        Some(Ok(true)) => return Outcome::Skipped(Skip::Seen),
        Some(Err(error)) => return Outcome::Failed(Failure::Seen(error)),
        Some(Ok(false)) | None => {}
    }
    for callback in callbacks {
        if let Err(error) = callback(event) {
            return Outcome::Failed(Failure::Callback(error));
        }
    }
    match seen.map(|seen| seen.add(id)) {
        // Sending the event again would only repeat the callbacks.
        Some(Err(error)) => Outcome::Forgotten(error),
        Some(Ok(())) | None => Outcome::Handled,
    }
}

#[expect(clippy::disallowed_methods, reason = "the default of an option")]
fn now() -> SystemTime {
    SystemTime::now()
}
