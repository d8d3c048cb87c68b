//! Reads the whole body, keeps it for a while, and answers with its length; or with what went wrong.

use weir_edge_guests::{ErrorCode, Guest, Request, Response, body_of_request, next_chunk, sleep_ms, text};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let (mut body, trailers) = body_of_request(request);
        let mut held = Vec::new();
        while let Some(chunk) = next_chunk(&mut body).await {
            held.extend(chunk);
        }
        drop(body);
        if let Err(error) = trailers.await {
            return Ok(text(400, format!("{error:?}")));
        }
        sleep_ms(200).await;
        Ok(text(200, held.len().to_string()))
    }
}
