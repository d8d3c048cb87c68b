//! A foreign part that refuses every request, and forges internal headers while it is at it. It calls nobody.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, fields, path_of, spawn, streaming};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if path_of(&request) == "/let-me-pass" {
            return handler::handle(request).await;
        }
        let headers = [("content-type", "text/plain"), ("x-weir-failed", "forged"), ("x-why", "policy")];
        let (response, mut body, trailers) = streaming(403, &headers);
        spawn(async move {
            body.write_all(b"not today".to_vec()).await;
            drop(body);
            let _ = trailers.write(Ok(Some(fields(&[("x-weir-usage", "forged"), ("x-note", "own")])))).await;
        });
        Ok(response)
    }
}
