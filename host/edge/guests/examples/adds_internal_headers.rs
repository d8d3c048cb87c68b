//! A middleware that stands for Weir's own parts before a foreign one: it adds internal headers, and shows the client
//! which came back.
//!
//! The principal is what `x-caller` says. Of the answer, each header `x-weir-…` becomes `seen-…`, the trailers likewise; a
//! truncated ending becomes an abort, as the router makes it.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{
    ErrorCode, Fields, Guest, Headers, Request, Response, header, sleep_ms, with_headers, with_trailers,
};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let mut headers = request.get_headers().copy_all();
        let caller = header(&headers, "x-caller").unwrap_or("nobody").as_bytes().to_vec();
        headers.push(("x-weir-principal".to_owned(), caller));
        headers.push(("x-weir-request".to_owned(), b"request-1".to_vec()));
        headers.push(("x-weir-plan".to_owned(), b"hidden".to_vec()));
        let response = handler::handle(with_headers(request, &headers)).await?;
        let mut headers = seen(response.get_headers().copy_all());
        // Over HTTP/1 only trailers that were announced are sent.
        headers.push(("trailer".to_owned(), b"seen-usage, seen-hidden, seen-backend, x-note, foreign-saw".to_vec()));
        Ok(with_trailers(response, &headers, async |trailers| {
            let trailers = trailers?.map(|trailers| trailers.copy_all()).unwrap_or_default();
            if header(&trailers, "x-weir-usage").is_some_and(|usage| usage.ends_with("truncated")) {
                sleep_ms(20).await;
                return Err(ErrorCode::ConnectionTerminated);
            }
            Ok(Some(Fields::from_list(&seen(trailers)).unwrap()))
        }))
    }
}

fn seen(headers: Headers) -> Headers {
    let shown = |name: String| name.strip_prefix("x-weir-").map(|rest| format!("seen-{rest}")).unwrap_or(name);
    headers.into_iter().map(|(name, value)| (shown(name), value)).collect()
}
