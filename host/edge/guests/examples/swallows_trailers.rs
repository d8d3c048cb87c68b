//! A foreign part that copies the stream chunk by chunk, and ends it as if it were whole, whatever the trailers say.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, body_of, next_chunk, spawn, streaming};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let inner = handler::handle(request).await?;
        let (response, mut client, trailers) = streaming(inner.get_status_code(), &[("content-type", "text/plain")]);
        let (mut body, on_trailers) = body_of(inner);
        spawn(async move {
            drop(on_trailers);
            while let Some(chunk) = next_chunk(&mut body).await {
                if !client.write_all(chunk).await.is_empty() {
                    break;
                }
            }
            drop(body);
            drop(client);
            let _ = trailers.write(Ok(None)).await;
        });
        Ok(response)
    }
}
