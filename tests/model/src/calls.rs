//! Calls that wait for their responses, and work that is run from the responses so far up to its next calls.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// The calls of one piece of work: requests `Q`, each with a response `A` once it has one.
#[derive(Debug)]
pub(crate) struct Calls<Q, A>(Arc<Mutex<Vec<Slot<Q, A>>>>);

#[derive(Debug)]
struct Slot<Q, A> {
    request: Q,
    response: Option<A>,
    answered: bool,
    waker: Option<Waker>,
}

/// Progress of a piece of work.
#[derive(Debug)]
pub enum Progress<T, Q> {
    /// It waits for the responses to these calls.
    Waiting(Vec<(usize, Q)>),
    /// It is done, with this result.
    Done(T),
}

impl<Q, A> Clone for Calls<Q, A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q, A> Default for Calls<Q, A> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }
}

impl<Q: Clone, A: Clone> Calls<Q, A> {
    fn slots(&self) -> MutexGuard<'_, Vec<Slot<Q, A>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn call(&self, request: Q) -> impl Future<Output = A> + Send + use<Q, A>
    where
        Q: Send + Unpin,
        A: Send,
    {
        Call {
            calls: self.clone(),
            request: Some(request),
            number: 0,
        }
    }

    /// Runs work that makes these calls with the responses of `history`, up to its next calls or its end. `arrives` sees each
    /// response before the work does.
    pub(crate) fn run<T>(
        &self,
        mut work: Pin<Box<dyn Future<Output = T> + '_>>,
        history: &[(usize, A)],
        arrives: impl Fn(&A),
    ) -> Progress<T, Q> {
        let mut context = Context::from_waker(Waker::noop());
        let mut polled = work.as_mut().poll(&mut context);
        for (number, response) in history {
            let waker = {
                let slot = &mut self.slots()[*number];
                slot.response = Some(response.clone());
                slot.answered = true;
                slot.waker.take()
            };
            arrives(response);
            waker.inspect(Waker::wake_by_ref);
            polled = work.as_mut().poll(&mut context);
        }
        match polled {
            Poll::Ready(result) => Progress::Done(result),
            Poll::Pending => {
                let slots = self.slots();
                let waits = slots.iter().enumerate().filter(|(_, slot)| !slot.answered);
                Progress::Waiting(waits.map(|(number, slot)| (number, slot.request.clone())).collect())
            }
        }
    }
}

struct Call<Q, A> {
    calls: Calls<Q, A>,
    request: Option<Q>,
    number: usize,
}

impl<Q: Clone + Unpin, A: Clone> Future for Call<Q, A> {
    type Output = A;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<A> {
        let calls = self.calls.clone();
        let mut slots = calls.slots();
        if let Some(request) = self.request.take() {
            self.number = slots.len();
            slots.push(Slot {
                request,
                response: None,
                answered: false,
                waker: None,
            });
        }
        let slot = &mut slots[self.number];
        if let Some(response) = slot.response.take() {
            return Poll::Ready(response);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}
