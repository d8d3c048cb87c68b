//! A middleware: hands the stream's handle on, and turns an ending that was cut short into an abort.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, sleep_ms, spawn, wit_future};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let inner = handler::handle(request).await?;
        let (status, headers) = (inner.get_status_code(), inner.get_headers().clone());
        let (tell_inner, on_transmitted) = wit_future::new(|| Ok(()));
        let (body, on_trailers) = Response::consume_body(inner, on_transmitted);
        let (trailers, for_client) = wit_future::new(|| Ok(None));
        let (response, transmitted) = Response::new(headers, Some(body), for_client);
        response.set_status_code(status).unwrap();
        spawn(async move {
            let ending = on_trailers.await;
            if ending.is_err() {
                sleep_ms(20).await;
            }
            let _ = trailers.write(ending).await;
        });
        spawn(async move {
            let _ = tell_inner.write(transmitted.await).await;
        });
        Ok(response)
    }
}
