//! Requests, taken apart and put together again.

use http::{HeaderMap, Method};
use wit_bindgen::{FutureReader, StreamReader, StreamResult};

use crate::bindings::wasi::http::types::{self, Request, RequestOptions, Scheme};
use crate::bindings::{wit_future, wit_stream};
use crate::{ErrorCode, fields};

type WasiTrailers = FutureReader<Result<Option<types::Fields>, ErrorCode>>;

/// How much is asked of a body at once, in bytes.
pub(crate) const CHUNK: usize = 16 * 1024;

/// A request that came from outside or from the next part out. What is changed here goes on with it.
pub struct Incoming {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// `Host` or `:authority`.
    pub authority: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    scheme: Option<Scheme>,
    options: Option<RequestOptions>,
    body: StreamReader<u8>,
    trailers: WasiTrailers,
}

/// A body that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than the limit.
    TooLarge,
    /// It broke off: the client left, or was cut off since it was too slow.
    Broken,
}

impl Incoming {
    /// Takes a request apart.
    #[must_use]
    pub fn take(request: Request) -> Self {
        let method = method_from_wasi(&request.get_method());
        let target = request.get_path_with_query().unwrap_or_else(|| "/".to_owned());
        let (authority, scheme, options) = (request.get_authority(), request.get_scheme(), request.get_options());
        let headers = fields::from_wasi(&request.get_headers());
        // How the reading of the request went is of no use to whoever sent it: dropping the writer says `Ok`.
        let (_, done) = wit_future::new(|| Ok(()));
        let (body, trailers) = Request::consume_body(request, done);
        Self { method, target, authority, headers, scheme, options, body, trailers }
    }

    /// Reads the body whole. Can be done once; afterwards the request has none.
    ///
    /// # Errors
    /// [`BodyFault`], as soon as it is clear.
    pub async fn read_body(&mut self, limit: usize) -> Result<Vec<u8>, BodyFault> {
        self.read_body_while(limit, |_| true).await
    }

    /// Reads the body whole, as long as `admit` agrees to hold so many bytes: it is asked with what `content-length`
    /// states, if it does, and then with what has really come. Can be done once; afterwards the request has none.
    ///
    /// # Errors
    /// [`BodyFault`], as soon as it is clear; `TooLarge`, too, when `admit` does not agree.
    pub async fn read_body_while(
        &mut self,
        limit: usize,
        mut admit: impl FnMut(usize) -> bool,
    ) -> Result<Vec<u8>, BodyFault> {
        let body = std::mem::replace(&mut self.body, wit_stream::new().1);
        let trailers = std::mem::replace(&mut self.trailers, wit_future::new(|| Ok(None)).1);
        let stated = self.headers.get(http::header::CONTENT_LENGTH);
        let stated = stated.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
        if stated.is_some_and(|length| length > limit || !admit(length)) {
            return Err(BodyFault::TooLarge);
        }
        let bytes = read_whole(body, limit, stated.unwrap_or(0), admit).await?;
        match trailers.await {
            Ok(_) => Ok(bytes),
            Err(_) => Err(BodyFault::Broken),
        }
    }

    /// The request as it goes on, its body handed on as it came.
    #[must_use]
    pub fn pass_on(self) -> Request {
        let (request, _sent) =
            Request::new(fields::to_wasi(&self.headers), Some(self.body), self.trailers, self.options);
        set_head(&request, &self.method, &self.target, self.authority.as_deref(), self.scheme.as_ref());
        request
    }

    /// A request like this one with `body` as its body. `content-length` is set. Can be done any number of times.
    #[must_use]
    pub fn with_body(&self, body: Vec<u8>) -> Request {
        let mut headers = self.headers.clone();
        headers.insert(http::header::CONTENT_LENGTH, body.len().into());
        build(&self.method, &self.target, self.authority.as_deref(), self.scheme.as_ref(), &headers, body, None).0
    }
}

/// Reads a stream to its end.
pub(crate) async fn read_whole(
    mut stream: StreamReader<u8>,
    limit: usize,
    expected: usize,
    mut admit: impl FnMut(usize) -> bool,
) -> Result<Vec<u8>, BodyFault> {
    let mut whole = Vec::with_capacity(expected.min(limit));
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        let (result, filled) = stream.read(chunk).await;
        let length = whole.len() + filled.len();
        if length > limit || !admit(length) {
            return Err(BodyFault::TooLarge);
        }
        whole.extend_from_slice(&filled);
        match result {
            StreamResult::Complete(_) => {}
            StreamResult::Dropped | StreamResult::Cancelled => return Ok(whole),
        }
        chunk = filled;
        chunk.clear();
    }
}

/// Tells how the sending of a request went.
pub(crate) type Sent = FutureReader<Result<(), ErrorCode>>;

/// Builds a request whose body is at hand. Some hosts break the connection off when [`Sent`] is dropped: whoever calls
/// another server keeps it for as long as the answer is read.
pub(crate) fn build(
    method: &Method,
    target: &str,
    authority: Option<&str>,
    scheme: Option<&Scheme>,
    headers: &HeaderMap,
    body: Vec<u8>,
    options: Option<RequestOptions>,
) -> (Request, Sent) {
    let (trailers, on_trailers) = wit_future::new(|| Ok(None));
    let contents = (!body.is_empty()).then(|| {
        let (mut writer, reader) = wit_stream::new();
        crate::spawn(async move {
            // What comes back was not wanted: the receiver answered early, or left.
            let _ = writer.write_all(body).await;
            drop(writer);
            drop(trailers);
        });
        reader
    });
    let (request, sent) = Request::new(fields::to_wasi(headers), contents, on_trailers, options);
    set_head(&request, method, target, authority, scheme);
    (request, sent)
}

fn set_head(request: &Request, method: &Method, target: &str, authority: Option<&str>, scheme: Option<&Scheme>) {
    // The host refuses only what it would not have let in, either.
    let _ = request.set_method(&method_to_wasi(method));
    let _ = request.set_path_with_query(Some(target));
    let _ = request.set_authority(authority);
    let _ = request.set_scheme(scheme);
}

fn method_from_wasi(method: &types::Method) -> Method {
    match method {
        types::Method::Get => Method::GET,
        types::Method::Head => Method::HEAD,
        types::Method::Post => Method::POST,
        types::Method::Put => Method::PUT,
        types::Method::Delete => Method::DELETE,
        types::Method::Connect => Method::CONNECT,
        types::Method::Options => Method::OPTIONS,
        types::Method::Trace => Method::TRACE,
        types::Method::Patch => Method::PATCH,
        // A method that is no token cannot have come over HTTP; OPTIONS is served nowhere.
        types::Method::Other(name) => Method::from_bytes(name.as_bytes()).unwrap_or(Method::OPTIONS),
    }
}

fn method_to_wasi(method: &Method) -> types::Method {
    match *method {
        Method::GET => types::Method::Get,
        Method::HEAD => types::Method::Head,
        Method::POST => types::Method::Post,
        Method::PUT => types::Method::Put,
        Method::DELETE => types::Method::Delete,
        Method::CONNECT => types::Method::Connect,
        Method::OPTIONS => types::Method::Options,
        Method::TRACE => types::Method::Trace,
        Method::PATCH => types::Method::Patch,
        _ => types::Method::Other(method.as_str().to_owned()),
    }
}
