//! A foreign part that does what `x-please` says: loops, takes memory, traps. It hands everything else on.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, header, sleep_ms, spawn, with_trailers};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let headers = request.get_headers().copy_all();
        match header(&headers, "x-please").unwrap_or_default() {
            "loop" => loop {
                std::hint::black_box(0);
            },
            "allocate" => {
                let mut held = Vec::new();
                loop {
                    held.push(std::hint::black_box(vec![1_u8; 1 << 20]));
                }
            }
            "trap" => panic!("as asked"),
            "trap-midstream" => {
                spawn(async {
                    sleep_ms(100).await;
                    panic!("as asked");
                });
                let response = handler::handle(request).await?;
                let headers = response.get_headers().copy_all();
                Ok(with_trailers(response, &headers, async |trailers| trailers))
            }
            _ => handler::handle(request).await,
        }
    }
}
