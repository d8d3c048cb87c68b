//! Requests, taken apart and put together again.

use http::{HeaderMap, Method};

use crate::inlet::{Carrying, Inlet};
use crate::platform::{self, Via};

/// How much is asked of a body at once, in bytes.
pub(crate) const CHUNK: usize = 16 * 1024;

/// A request on its way from one part to the next.
pub struct Request(Kind);

enum Kind {
    Host(platform::Request),
    Own(Box<Incoming>),
}

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
    pub(crate) via: Via,
    pub(crate) body: RequestBody,
}

/// The body of a request.
pub(crate) enum RequestBody {
    Whole(Vec<u8>),
    Coming(Inlet),
}

/// A body that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than the limit.
    TooLarge,
    /// It broke off: the client left, or was cut off since it was too slow.
    Broken,
}

impl From<platform::Request> for Request {
    fn from(request: platform::Request) -> Self {
        Self(Kind::Host(request))
    }
}

impl Incoming {
    /// Takes a request apart.
    #[must_use]
    pub fn take(request: Request) -> Self {
        match request.0 {
            Kind::Host(request) => platform::open_request(request),
            Kind::Own(request) => *request,
        }
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
        let stated = self.headers.get(http::header::CONTENT_LENGTH);
        let stated = stated.and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
        if stated.is_some_and(|length| length > limit || !admit(length)) {
            return Err(BodyFault::TooLarge);
        }
        match std::mem::replace(&mut self.body, RequestBody::Whole(Vec::new())) {
            RequestBody::Whole(body) if body.len() > limit || !admit(body.len()) => Err(BodyFault::TooLarge),
            RequestBody::Whole(body) => Ok(body),
            RequestBody::Coming(inlet) => read_whole(inlet, limit, stated.unwrap_or(0), admit).await,
        }
    }

    /// Takes the body, to read it piece by piece. Afterwards the request has none.
    #[must_use]
    pub fn take_body(&mut self) -> Inlet {
        match std::mem::replace(&mut self.body, RequestBody::Whole(Vec::new())) {
            RequestBody::Whole(body) => Inlet::at_hand(body),
            RequestBody::Coming(inlet) => inlet,
        }
    }

    /// The request as it goes on, its body handed on as it came.
    #[must_use]
    pub fn pass_on(self) -> Request {
        Request(Kind::Own(Box::new(self)))
    }

    /// A request like this one with `body` as its body. `content-length` is set. Can be done any number of times.
    #[must_use]
    pub fn with_body(&self, body: Vec<u8>) -> Request {
        let length = body.len();
        let mut request = self.with(RequestBody::Whole(body));
        request.headers.insert(http::header::CONTENT_LENGTH, length.into());
        request.pass_on()
    }

    /// A request like this one whose body is what is left of `body`, which goes on as it comes for as long as the other
    /// result is kept.
    #[must_use]
    pub fn with_stream(&self, mut body: Inlet) -> (Request, Carrying) {
        let carrying = body.carrying();
        let mut request = self.with(RequestBody::Coming(body));
        request.headers.remove(http::header::CONTENT_LENGTH);
        (request.pass_on(), carrying)
    }

    fn with(&self, body: RequestBody) -> Self {
        Self {
            method: self.method.clone(),
            target: self.target.clone(),
            authority: self.authority.clone(),
            headers: self.headers.clone(),
            via: self.via.clone(),
            body,
        }
    }
}

/// Reads a body to its end.
async fn read_whole(
    mut inlet: Inlet,
    limit: usize,
    expected: usize,
    mut admit: impl FnMut(usize) -> bool,
) -> Result<Vec<u8>, BodyFault> {
    let mut whole = Vec::with_capacity(expected.min(limit));
    let mut chunk = Vec::new();
    while inlet.next(&mut chunk).await {
        let length = whole.len() + chunk.len();
        if length > limit || !admit(length) {
            return Err(BodyFault::TooLarge);
        }
        whole.extend_from_slice(&chunk);
    }
    inlet.end().await.map(|()| whole)
}
