//! What the guest programs of weir-edge's tests share. Each program, in `examples/`, has one behaviour and is named
//! after it.

#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "weir:gateway/face",
        generate_all,
        pub_export_macro: true,
        default_bindings_module: "weir_edge_guests::bindings",
    });
}

pub use bindings::exports::wasi::http::handler::Guest;
pub use bindings::wasi::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
pub use bindings::{wit_future, wit_stream};
pub use wit_bindgen::{StreamReader, StreamResult, StreamWriter, spawn};

use bindings::wasi::clocks::monotonic_clock::wait_for;
use bindings::wasi::http::client;

/// Waits.
pub async fn sleep_ms(ms: u64) {
    wait_for(ms * 1_000_000).await;
}

/// The path and query of a request.
pub fn path_of(request: &Request) -> String {
    request.get_path_with_query().unwrap_or_default()
}

/// The end of a response's stream: what becomes of its trailers.
pub type Trailers = wit_bindgen::FutureWriter<Result<Option<Fields>, ErrorCode>>;

/// A response whose body is still to be written.
pub fn streaming(status: u16, headers: &[(&str, &str)]) -> (Response, StreamWriter<u8>, Trailers) {
    let (trailers, on_trailers) = wit_future::new(|| Ok(None));
    let (writer, body) = wit_stream::new();
    let (response, _transmitted) = Response::new(fields(headers), Some(body), on_trailers);
    response.set_status_code(status).unwrap();
    (response, writer, trailers)
}

/// A response with this text.
pub fn text(status: u16, text: String) -> Response {
    let (response, mut writer, trailers) = streaming(status, &[("content-type", "text/plain")]);
    spawn(async move {
        writer.write_all(text.into_bytes()).await;
        drop(writer);
        let _ = trailers.write(Ok(None)).await;
    });
    response
}

/// Header fields.
pub fn fields(entries: &[(&str, &str)]) -> Fields {
    let fields = Fields::new();
    for (name, value) in entries {
        fields.append(name, value.as_bytes()).unwrap();
    }
    fields
}

/// Sends a request to `origin`, such as `http://127.0.0.1:8000`.
pub async fn call(method: Method, origin: &str, path: &str, body: Option<String>) -> Result<Response, ErrorCode> {
    call_with(method, origin, path, body, None).await
}

/// Sends a request with these options.
pub async fn call_with(
    method: Method,
    origin: &str,
    path: &str,
    body: Option<String>,
    options: Option<RequestOptions>,
) -> Result<Response, ErrorCode> {
    let (scheme, authority) = match origin.strip_prefix("https://") {
        Some(authority) => (Scheme::Https, authority),
        None => (Scheme::Http, origin.trim_start_matches("http://")),
    };
    let length = body.as_ref().map_or(0, String::len).to_string();
    let (trailers, on_trailers) = wit_future::new(|| Ok(None));
    let (mut writer, contents) = wit_stream::new();
    let (request, _sent) = Request::new(fields(&[("content-length", &length)]), Some(contents), on_trailers, options);
    request.set_method(&method).unwrap();
    request.set_scheme(Some(&scheme)).unwrap();
    request.set_authority(Some(authority)).unwrap();
    request.set_path_with_query(Some(path)).unwrap();
    spawn(async move {
        writer.write_all(body.unwrap_or_default().into_bytes()).await;
        drop(writer);
        let _ = trailers.write(Ok(None)).await;
    });
    client::send(request).await
}

/// A response's body, and what becomes of its trailers.
pub type Incoming = (StreamReader<u8>, wit_bindgen::FutureReader<Result<Option<Fields>, ErrorCode>>);

/// Opens the body of a response that came in.
pub fn body_of(response: Response) -> Incoming {
    let (read, on_read) = wit_future::new(|| Ok(()));
    drop(read);
    Response::consume_body(response, on_read)
}

/// Opens the body of a request that came in.
pub fn body_of_request(request: Request) -> Incoming {
    let (read, on_read) = wit_future::new(|| Ok(()));
    drop(read);
    Request::consume_body(request, on_read)
}

/// The next chunk of a body; `None` at its end.
pub async fn next_chunk(body: &mut StreamReader<u8>) -> Option<Vec<u8>> {
    let (result, chunk) = body.read(Vec::with_capacity(16 * 1024)).await;
    match result {
        StreamResult::Complete(_) => Some(chunk),
        StreamResult::Dropped | StreamResult::Cancelled => (!chunk.is_empty()).then_some(chunk),
    }
}

/// Header fields as a list: names and values.
pub type Headers = Vec<(String, Vec<u8>)>;

/// The first header of this name, as text.
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).and_then(|(_, value)| std::str::from_utf8(value).ok())
}

/// `request` with these headers: what a middleware hands on.
pub fn with_headers(request: Request, headers: &Headers) -> Request {
    let (method, path) = (request.get_method(), request.get_path_with_query());
    let (scheme, authority, options) = (request.get_scheme(), request.get_authority(), request.get_options());
    let (body, trailers) = body_of_request(request);
    let (next, _sent) = Request::new(Fields::from_list(headers).unwrap(), Some(body), trailers, options);
    next.set_method(&method).unwrap();
    next.set_path_with_query(path.as_deref()).unwrap();
    next.set_scheme(scheme.as_ref()).unwrap();
    next.set_authority(authority.as_deref()).unwrap();
    next
}

/// `response` with these headers, its body handed on as a handle, and its trailers as `settle` makes them.
pub fn with_trailers<F>(
    response: Response,
    headers: &Headers,
    settle: impl FnOnce(Result<Option<Fields>, ErrorCode>) -> F + 'static,
) -> Response
where
    F: Future<Output = Result<Option<Fields>, ErrorCode>>,
{
    let status = response.get_status_code();
    let (tell_inner, on_transmitted) = wit_future::new(|| Ok(()));
    let (body, on_trailers) = Response::consume_body(response, on_transmitted);
    let (trailers, for_client) = wit_future::new(|| Ok(None));
    let (response, transmitted) = Response::new(Fields::from_list(headers).unwrap(), Some(body), for_client);
    response.set_status_code(status).unwrap();
    spawn(async move {
        let ending = settle(on_trailers.await).await;
        let _ = trailers.write(ending).await;
    });
    spawn(async move {
        let _ = tell_inner.write(transmitted.await).await;
    });
    response
}
