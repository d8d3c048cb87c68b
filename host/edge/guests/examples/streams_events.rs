//! Streams ten events, 30 ms apart, and ends with a trailer. `/cut` ends after three, with an error event and failed
//! trailers; `/endless` does not end.

use weir_edge_guests::{ErrorCode, Guest, Request, Response, fields, path_of, sleep_ms, spawn, streaming};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = path_of(&request);
        let headers =
            [("content-type", "text/event-stream"), ("x-weir-backend", "internal"), ("x-weir-dropped", "seed")];
        let (response, mut body, trailers) = streaming(200, &headers);
        let events = if path == "/endless" { u64::MAX } else { 10 };
        spawn(async move {
            let mut end = Ok(Some(fields(&[("x-weir-usage", "out=10"), ("x-note", "kept")])));
            for event in 0..events {
                if path == "/cut" && event == 3 {
                    body.write_all(b"event: error\ndata: cut\n\n".to_vec()).await;
                    end = Err(ErrorCode::ConnectionTerminated);
                    break;
                }
                if !body.write_all(format!("data: {event}\n\n").into_bytes()).await.is_empty() {
                    break;
                }
                sleep_ms(30).await;
            }
            drop(body);
            let _ = trailers.write(end).await;
        });
        Ok(response)
    }
}
