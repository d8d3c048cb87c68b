//! Calls a backend, writes what it says as a stream of its own, and always settles with the control plane.
//!
//! Its configuration is `<backend's origin> <control plane's origin>`. The path is passed on. With `/late/…` it answers
//! at once, and calls the backend from work that it spawned; with `…/impatient` it waits 100 ms for each thing.

use weir_edge_guests::bindings::weir::gateway::settings;
use weir_edge_guests::{
    ErrorCode, Guest, Method, Request, RequestOptions, Response, StreamWriter, Trailers, body_of, call, call_with,
    fields, next_chunk, path_of, spawn, streaming, text,
};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = path_of(&request);
        let config = settings::config().await.unwrap();
        let (backend, control) = config.split_once(' ').unwrap();
        let place = Place { backend: backend.to_owned(), control: control.to_owned(), path };
        if place.path.starts_with("/late/") {
            let (response, body, trailers) = streaming(200, &[("content-type", "text/event-stream")]);
            spawn(async move {
                let answer = place.call().await;
                place.relay(answer, body, trailers).await;
            });
            return Ok(response);
        }
        match place.call().await {
            Ok(answer) => {
                let (response, body, trailers) = streaming(answer.get_status_code(), &[]);
                spawn(async move { place.relay(Ok(answer), body, trailers).await });
                Ok(response)
            }
            Err(error) => {
                place.settle(&format!("failed {error:?}"), 0).await;
                Ok(text(502, format!("{error:?}")))
            }
        }
    }
}

struct Place {
    backend: String,
    control: String,
    path: String,
}

impl Place {
    async fn call(&self) -> Result<Response, ErrorCode> {
        let options = self.path.ends_with("/impatient").then(|| {
            let options = RequestOptions::new();
            options.set_connect_timeout(Some(100_000_000)).unwrap();
            options.set_first_byte_timeout(Some(100_000_000)).unwrap();
            options.set_between_bytes_timeout(Some(100_000_000)).unwrap();
            options
        });
        call_with(Method::Get, &self.backend, &self.path, None, options).await
    }

    async fn relay(self, answer: Result<Response, ErrorCode>, mut client: StreamWriter<u8>, trailers: Trailers) {
        let mut delivered = 0;
        let ending = match answer {
            Err(error) => format!("failed {error:?}"),
            Ok(answer) => {
                let (mut body, on_trailers) = body_of(answer);
                loop {
                    let Some(chunk) = next_chunk(&mut body).await else {
                        drop(body);
                        break match on_trailers.await {
                            Ok(_) => "complete".to_owned(),
                            Err(error) => format!("truncated {error:?}"),
                        };
                    };
                    let length = chunk.len();
                    if !client.write_all(chunk).await.is_empty() {
                        break "client-gone".to_owned();
                    }
                    delivered += length;
                }
            }
        };
        if ending.starts_with("truncated") {
            client.write_all(b"event: error\n\n".to_vec()).await;
        }
        drop(client);
        self.settle(&ending, delivered).await;
        let usage = fields(&[("x-weir-usage", &ending), ("x-note", "kept")]);
        let _ = trailers
            .write(if ending == "complete" { Ok(Some(usage)) } else { Err(ErrorCode::ConnectionTerminated) })
            .await;
    }

    async fn settle(&self, ending: &str, delivered: usize) {
        let settled = format!("{} {ending} delivered={delivered}", self.path);
        if let Ok(answer) = call(Method::Post, &self.control, "/settle", Some(settled)).await {
            let (mut body, _) = body_of(answer);
            while next_chunk(&mut body).await.is_some() {}
        }
    }
}
