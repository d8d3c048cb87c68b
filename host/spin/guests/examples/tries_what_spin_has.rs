//! A middleware that tries to read variables and the environment and to call out, and adds what came of it to the answer
//! as the header `x-reached`. The request's header `x-call` names the authority that it tries to call.

use bindings::exports::wasi::http::handler::Guest;
use bindings::spin::variables::variables;
use bindings::wasi::cli0_3_0::environment::get_environment;
use bindings::wasi::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use bindings::wasi::http::{client, handler};
use bindings::wit_future;
use wit_bindgen::spawn;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit/spin.wit"],
        world: "weir:spin-guests/tries",
        generate_all,
    });
}

struct Program;
bindings::export!(Program with_types_in bindings);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let authority = request.get_headers().get("x-call").into_iter().next();
        let mut reached = Vec::new();
        if !get_environment().is_empty() {
            reached.push("environment");
        }
        if std::env::vars().next().is_some() {
            reached.push("std-environment");
        }
        for name in ["weir_config", "weir_secret_edge_key"] {
            if variables::get(name.to_owned()).await.is_ok() {
                reached.push(name);
            }
        }
        if let Some(authority) = authority
            && call(&String::from_utf8_lossy(&authority)).await.is_ok()
        {
            reached.push("network");
        }
        Ok(with_header(handler::handle(request).await?, "x-reached", &format!("[{}]", reached.join(" "))))
    }
}

async fn call(authority: &str) -> Result<Response, ErrorCode> {
    let (trailers, on_trailers) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (request, _sent) = Request::new(Fields::new(), None, on_trailers, None);
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some(authority)).unwrap();
    request.set_path_with_query(Some("/health")).unwrap();
    client::send(request).await
}

/// The same response, with one header more. Body and trailers go on as handles.
fn with_header(inner: Response, name: &str, value: &str) -> Response {
    let (status, headers) = (inner.get_status_code(), inner.get_headers().clone());
    headers.append(name, value.as_bytes()).unwrap();
    let (tell_inner, on_transmitted) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(inner, on_transmitted);
    let (response, transmitted) = Response::new(headers, Some(body), trailers);
    response.set_status_code(status).unwrap();
    spawn(async move {
        let _ = tell_inner.write(transmitted.await).await;
    });
    response
}
