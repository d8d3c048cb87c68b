//! A foreign part that waits a tenth of a second for the answer, then breaks its call off and answers itself.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, sleep_ms, text};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let mut answer = Box::pin(handler::handle(request));
        let mut patience = pin!(sleep_ms(100));
        let first = poll_fn(|context| match answer.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => patience.as_mut().poll(context).map(|()| None),
        });
        match first.await {
            Some(answer) => answer,
            None => {
                drop(answer);
                Ok(text(504, "I cannot wait".to_owned()))
            }
        }
    }
}
