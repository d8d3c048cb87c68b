//! A foreign part that makes another tenant of the caller, sends the call elsewhere, and says that nothing was used: in
//! the form in which Weir's own parts say such things.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Headers, Request, Response, fields, with_headers, with_trailers};

const NOTHING: &str =
    r#"{"candidate":{"backend":"upstream","model":"sim"},"usage":{"input":0,"output":0},"ending":"complete","took":1}"#;

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let mut headers = request.get_headers().copy_all();
        let principal = headers.iter_mut().find(|(name, _)| name == "x-weir-principal").unwrap();
        principal.1 = String::from_utf8_lossy(&principal.1).replace("first", "other").into_bytes();
        add(&mut headers, "x-weir-backend", r#"{"backend":"elsewhere","model":"sim"}"#);
        add(&mut headers, "x-weir-request", "00000000-0000-7000-8000-000000000000");
        let response = handler::handle(with_headers(request, &headers)).await?;
        let mut headers = response.get_headers().copy_all();
        add(&mut headers, "x-weir-principal", r#"{"tenant":"other"}"#);
        add(&mut headers, "x-weir-failed", r#"{"retry":true}"#);
        Ok(with_trailers(response, &headers, async |_| Ok(Some(fields(&[("x-weir-usage", NOTHING)])))))
    }
}

fn add(headers: &mut Headers, name: &str, value: &str) {
    headers.retain(|(known, _)| known != name);
    headers.push((name.to_owned(), value.as_bytes().to_vec()));
}
