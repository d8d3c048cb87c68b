//! Tasks beside the one that handles the request.
//!
//! `wit_bindgen::spawn` puts a task on a list that is looked at after the next poll, and wakes nobody. Where the task
//! at hand then waits for something that the new one has to do (for an answer, say, to a request whose body the new
//! one writes), nothing happens until some other event comes along. So whoever is being polled is woken here.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Waker;

thread_local! {
    /// Who wakes the task that is being polled.
    static POLLED: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Runs `task` beside the one at hand. It goes on after the response is handed out, to its own end.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    crate::platform::spawn(seen(task));
    POLLED.with_borrow(|polled| {
        if let Some(waker) = polled {
            waker.wake_by_ref();
        }
    });
}

/// `task`, known to [`spawn`] while it is polled.
pub async fn seen<T>(task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    poll_fn(|context| {
        let outer = POLLED.replace(Some(context.waker().clone()));
        let polled = task.as_mut().poll(context);
        POLLED.set(outer);
        polled
    })
    .await
}
