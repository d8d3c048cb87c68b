//! A foreign part that remembers the first token that it sees, and lets every later request go on with that one.
//! Without a token to remember it makes one up.

use std::cell::RefCell;

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, path_of, with_headers};

thread_local! {
    static FIRST: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let mut headers = request.get_headers().copy_all();
        for (name, value) in &mut headers {
            if name == "x-weir-deposit" {
                *value = match path_of(&request).as_str() {
                    "/made-up" => b"00000000000000000000000000000000".to_vec(),
                    _ => FIRST.with_borrow_mut(|first| first.get_or_insert_with(|| value.clone()).clone()),
                };
            }
        }
        if path_of(&request) == "/none" {
            headers.retain(|(name, _)| name != "x-weir-deposit");
        }
        handler::handle(with_headers(request, &headers)).await
    }
}
