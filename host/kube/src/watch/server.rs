//! Requests to the API server.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, header};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::time::{Instant, timeout_at};

use super::bearer::Bearer;
use super::failure::{Failure, FailureKind};
use super::{Kube, WatchLimits};

/// The API server, with the limits within which it is asked.
#[derive(Clone)]
pub(crate) struct Server {
    client: kube::Client,
    bearer: Option<Arc<Bearer>>,
    pub(crate) limits: Arc<WatchLimits>,
}

/// How much of a refusal's body is read.
const LONGEST_REFUSAL: usize = 64 << 10;

impl Server {
    pub(crate) fn new(kube: &Kube, limits: Arc<WatchLimits>) -> Self {
        Self { client: kube.client(), bearer: kube.bearer(), limits }
    }

    /// A whole answer.
    pub(crate) async fn get(&self, uri: &str) -> Result<Bytes, Failure> {
        let deadline = Instant::now() + self.limits.answer;
        let answer = self.send(request(uri)?, deadline).await?;
        self.collect(answer.into_body(), self.limits.page_bytes, deadline).await
    }

    /// An answer of which no more than the head has come.
    pub(crate) async fn open(&self, uri: &str) -> Result<Body, Failure> {
        let mut request = request(uri)?;
        // From 1.37 on API servers compress each event for itself, which decoders take for the end of the stream.
        request.headers_mut().insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
        Ok(self.send(request, Instant::now() + self.limits.answer).await?.into_body())
    }

    async fn send(&self, mut request: Request<Body>, deadline: Instant) -> Result<Response<Body>, Failure> {
        if let Some(bearer) = &self.bearer {
            request.headers_mut().insert(header::AUTHORIZATION, bearer.header());
        }
        let answer = match timeout_at(deadline, self.client.send(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Failure::of_error(FailureKind::Unreachable, &error)),
            Err(_) => return Err(self.too_slow()),
        };
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        // The status alone says enough, where its body does not come whole.
        let body = self.collect(body, LONGEST_REFUSAL, deadline).await.unwrap_or_default();
        Err(Failure::of_answer(head.status, &head.headers, &body))
    }

    async fn collect(&self, mut body: Body, longest: usize, deadline: Instant) -> Result<Bytes, Failure> {
        let mut collected = BytesMut::new();
        loop {
            let frame = timeout_at(deadline, body.frame()).await.map_err(|_| self.too_slow())?;
            match frame {
                None => return Ok(collected.freeze()),
                Some(Err(error)) => return Err(Failure::of_error(FailureKind::Cut, &error)),
                Some(Ok(frame)) => collected.extend_from_slice(&frame.into_data().unwrap_or_default()),
            }
            if collected.len() > longest {
                return Err(Failure::new(
                    FailureKind::Malformed,
                    format_args!("an answer of more than {longest} bytes"),
                ));
            }
        }
    }

    fn too_slow(&self) -> Failure {
        Failure::new(FailureKind::Timeout, format_args!("no answer within {:?}", self.limits.answer))
    }
}

fn request(uri: &str) -> Result<Request<Body>, Failure> {
    Request::get(uri)
        .header(header::ACCEPT, "application/json")
        .body(Body::empty())
        .map_err(|error| Failure::of_error(FailureKind::Refused, &error))
}
