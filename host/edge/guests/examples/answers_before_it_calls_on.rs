//! A foreign part that begins its answer at once, and calls on only then, to copy what it gets.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, body_of, next_chunk, spawn, streaming};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (response, mut client, trailers) = streaming(200, &[("content-type", "text/plain")]);
        spawn(async move {
            client.write_all(b"one moment\n".to_vec()).await;
            if let Ok(inner) = handler::handle(request).await {
                let (mut body, _trailers) = body_of(inner);
                while let Some(chunk) = next_chunk(&mut body).await {
                    client.write_all(chunk).await;
                }
            }
            drop(client);
            let _ = trailers.write(Ok(None)).await;
        });
        Ok(response)
    }
}
