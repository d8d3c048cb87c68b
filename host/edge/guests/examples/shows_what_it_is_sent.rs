//! A service that stands for Weir's own parts behind a foreign one: it answers with the internal headers that it was
//! sent, a line each, with one of its own and with a usage trailer.
//!
//! `/cut` sends an event, and ends as truncated; `/abort` ends with failed trailers; `/slow` waits for the
//! client's leave, and prints how it ended; `/late` answers after half a second.

use weir_edge_guests::{ErrorCode, Guest, Request, Response, fields, path_of, sleep_ms, spawn, streaming};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = path_of(&request);
        let mut shown: Vec<String> = request
            .get_headers()
            .copy_all()
            .into_iter()
            .filter(|(name, _)| name.starts_with("x-weir-") || name.starts_with("x-added"))
            .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(&value)))
            .collect();
        shown.sort();
        if path == "/late" {
            sleep_ms(500).await;
        }
        let headers = [("content-type", "text/event-stream"), ("x-weir-failed", "true"), ("x-weir-dropped", "seed")];
        let (response, mut body, trailers) = streaming(200, &headers);
        spawn(async move {
            let mut ending = "complete";
            body.write_all(shown.concat().into_bytes()).await;
            if path == "/cut" {
                ending = "truncated";
                body.write_all(b"event: error\n\n".to_vec()).await;
            }
            while path == "/slow" && body.write_all(b"data: 0\n\n".to_vec()).await.is_empty() {
                sleep_ms(20).await;
            }
            drop(body);
            eprintln!("the stream of {path} is over");
            let usage = format!("tokens=10 ending={ending}");
            let said = fields(&[("x-weir-usage", &usage), ("x-weir-hidden", "1"), ("x-note", "kept")]);
            let _ = trailers
                .write(if path == "/abort" { Err(ErrorCode::ConnectionTerminated) } else { Ok(Some(said)) })
                .await;
        });
        Ok(response)
    }
}
