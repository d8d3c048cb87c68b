//! A foreign part that calls on, and then again with the same token. It hands on the second answer.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Method, Request, Response, body_of, fields, next_chunk, path_of, wit_future};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let again = again(&request);
        let (mut body, trailers) = body_of(handler::handle(request).await?);
        while next_chunk(&mut body).await.is_some() {}
        drop(body);
        let _ = trailers.await;
        handler::handle(again).await
    }
}

fn again(request: &Request) -> Request {
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let headers = fields(&[]);
    for (name, value) in request.get_headers().copy_all() {
        headers.append(&name, &value).unwrap();
    }
    let (again, _sent) = Request::new(headers, None, no_trailers, None);
    again.set_method(&Method::Post).unwrap();
    again.set_path_with_query(Some(&path_of(request))).unwrap();
    again
}
