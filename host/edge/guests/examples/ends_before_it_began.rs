//! A foreign part that hands the stream on, but says at once that there are no trailers.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, body_of, spawn, wit_future};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let inner = handler::handle(request).await?;
        let headers = inner.get_headers().clone();
        let (body, on_trailers) = body_of(inner);
        let (trailers, for_client) = wit_future::new(|| Ok(None));
        drop(on_trailers);
        spawn(async move {
            let _ = trailers.write(Ok(None)).await;
        });
        Ok(Response::new(headers, Some(body), for_client).0)
    }
}
