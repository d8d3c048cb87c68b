//! One model server: how it is addressed, and which of a request's headers it gets to see.

use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName};
use http::uri::InvalidUri;
use http::{HeaderValue, Method, Request, Response, Uri};
use weir_core::json::JsonFault;
use weir_core::secret::WrongOrigin;
use weir_core::{Origin, header};
use weir_serve::{Body, ClientError, Target, Upstream, empty};

use crate::dialers::Dialers;
use crate::fleet::Terms;
use crate::metrics::{EndpointMetrics, Metrics};
use crate::model::{EndpointOptions, Trust};
use crate::options::OptionsError;
use crate::roster::is_open;

/// Which headers of a caller's request a model server gets. All others stay here, above all keys and `x-weir-*`.
const PASSED_ON: [HeaderName; 5] = [
    CONTENT_TYPE,
    ACCEPT,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static(header::INFERENCE_LENGTH),
];

/// A model server.
pub(crate) struct Endpoint {
    options: EndpointOptions,
    name: String,
    health: Uri,
    upstream: Upstream,
    /// Where it speaks gRPC: over HTTP/2 alone.
    grpc: Upstream,
    pub(crate) metrics: Arc<EndpointMetrics>,
}

/// A request that cannot be made for this endpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error(transparent)]
    Uri(#[from] InvalidUri),
    #[error(transparent)]
    Credential(#[from] WrongOrigin),
    #[error("the model's name cannot be set: {0}")]
    Body(#[from] JsonFault),
}

impl Endpoint {
    /// An endpoint; where it was known `before`, its connections are kept if they are to the same place.
    pub(crate) fn new(
        options: EndpointOptions,
        before: Option<&Self>,
        health_path: &str,
        dialers: &Dialers,
        metrics: &Metrics,
    ) -> Result<Self, OptionsError> {
        let health = Self::check(&options, health_path)?;
        let name = name(&options);
        let same = before.filter(|before| reached_alike(&before.options, &options));
        let (upstream, grpc) = match same {
            Some(before) => (before.upstream.clone(), before.grpc.clone()),
            None => {
                let dialer = dialers.of(&options.trust).map_err(|e| OptionsError::Client(e.to_string()))?;
                let to = |target| Upstream::new(dialer.clone(), &target).map_err(OptionsError::from);
                let grpc = options.grpc.as_ref().unwrap_or(&options.origin);
                (to(target(&options, &options.origin, options.h2c))?, to(target(&options, grpc, !grpc.is_tls()))?)
            }
        };
        let metrics = before.map_or_else(|| metrics.of_endpoint(&name), |before| before.metrics.clone());
        Ok(Self { options, name, health, upstream, grpc, metrics })
    }

    /// Whether an endpoint can be made of these options; gives the address of its health check.
    pub(crate) fn check(options: &EndpointOptions, health_path: &str) -> Result<Uri, OptionsError> {
        check_path(&options.base_path)?;
        if options.max_in_flight == 0 {
            return Err(OptionsError::NoRoom(name(options)));
        }
        check_path(health_path)?;
        let health = if health_path.is_empty() { "/" } else { health_path };
        health.parse().map_err(|_| OptionsError::Path(health_path.to_owned()))
    }

    /// Sends a request that was made for it.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, ClientError> {
        self.upstream.send(request).await
    }

    /// Sends a call of gRPC.
    pub(crate) async fn send_grpc(&self, request: Request<Body>) -> Result<Response<Body>, ClientError> {
        self.grpc.send(request).await
    }

    /// Closes connections that have waited too long for a request.
    pub(crate) fn sweep(&self) {
        self.upstream.sweep();
    }

    /// It is not listed any more: its requests go on, and no connection is kept.
    pub(crate) fn leave(&self) {
        self.upstream.close();
        self.grpc.close();
    }

    /// What was told of it.
    pub(crate) fn options(&self) -> &EndpointOptions {
        &self.options
    }

    /// On which terms it is called.
    pub(crate) fn terms(&self) -> Terms {
        Terms { cap: self.options.max_in_flight, open: is_open(&self.options) }
    }

    /// Origin and base path: the name in metrics and logs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The caller's request, as this server gets it: at path and query `target`, with the few headers that are for it.
    pub(crate) fn request(
        &self,
        method: &Method,
        target: &str,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Request<Body>, RequestError> {
        let uri: Uri = target.parse()?;
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        let own = request.headers_mut();
        for name in PASSED_ON {
            for value in headers.get_all(&name) {
                own.append(name.clone(), value.clone());
            }
        }
        if let Some(id) = headers.get(header::REQUEST) {
            own.insert(header::REQUEST_ID, id.clone());
        }
        self.sign(own)?;
        Ok(request)
    }

    /// The question whether the server is well.
    pub(crate) fn health_request(&self) -> Result<Request<Body>, RequestError> {
        let mut request = Request::new(empty());
        *request.uri_mut() = self.health.clone();
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
        self.sign(request.headers_mut())?;
        Ok(request)
    }

    /// Adds the server's key, if it wants one. Its port for gRPC is told together with its origin: it is the same server.
    pub(crate) fn sign(&self, headers: &mut HeaderMap) -> Result<(), WrongOrigin> {
        match &self.options.credential {
            Some(credential) => credential.apply(&self.options.origin, headers),
            None => Ok(()),
        }
    }
}

/// The name of an endpoint: its origin and base path; and its host, where many share an origin.
pub(crate) fn name(options: &EndpointOptions) -> String {
    let EndpointOptions { origin, base_path, host, .. } = options;
    match host {
        Some(host) => format!("{origin}{base_path};host={host}"),
        None => format!("{origin}{base_path}"),
    }
}

/// Whether what connects to one is good for the other.
fn reached_alike(one: &EndpointOptions, other: &EndpointOptions) -> bool {
    let of = |options: &EndpointOptions| {
        (options.origin.clone(), options.grpc.clone(), options.host.clone(), options.trust.clone(), options.h2c)
    };
    of(one) == of(other)
}

fn target(options: &EndpointOptions, origin: &Origin, h2c: bool) -> Target {
    let server_name = match &options.trust {
        Trust::Authorities { server_name, .. } => server_name.clone(),
        Trust::Client => None,
    };
    Target {
        tls: origin.is_tls(),
        host: origin.host().to_owned(),
        port: origin.port(),
        authority: options.host.clone().unwrap_or_else(|| origin.authority()),
        server_name,
        h2c: h2c && !origin.is_tls(),
    }
}

fn check_path(path: &str) -> Result<(), OptionsError> {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\'));
    let joins = path.is_empty() || (path.starts_with('/') && !path.ends_with('/'));
    if plain && joins { Ok(()) } else { Err(OptionsError::Path(path.to_owned())) }
}
