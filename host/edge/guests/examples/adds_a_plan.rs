//! A middleware that stands for a router: every call goes to the backend `upstream`, for the model `sim`. Of the answer it
//! touches nothing.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, with_headers};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let plan = r#"{"model":"sim","stream":true,"on_unsupported":"drop","candidates":[{"backend":"upstream","model":"sim"}]}"#;
        let mut headers = request.get_headers().copy_all();
        headers.push(("x-weir-plan".to_owned(), plan.as_bytes().to_vec()));
        handler::handle(with_headers(request, &headers)).await
    }
}
