//! The routes, and everything between a request and its answer that is not the answer itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use weir_serve::{Body, BoxError, RequestBodyError, empty, full};

use crate::answer::Finish;
use crate::directive::Fault;
use crate::driver::{Driver, Refused};
use crate::engine::{EngineParams, Event};
use crate::error::ApiError;
use crate::job::{Chance, Target};
use crate::metrics::Metrics;
use crate::options::SimOptions;
use crate::reply::{Delivery, json_response};
use crate::request::{Common, parse};
use crate::shape::{Kind, Shape};
use crate::{chat, completion, embedding, tokens};

/// SHA-256 digests of the API keys.
pub(crate) type Keys = BTreeSet<[u8; 32]>;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN_METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A simulator's state, shared by all its connections.
pub(crate) struct Server {
    options: SimOptions,
    /// One engine for each of `options.models`, in their order.
    drivers: Vec<Driver>,
    names: HashMap<String, Served>,
    metrics: Metrics,
    keys: Keys,
    awake_at: Instant,
    /// Seconds since 1970.
    created: u64,
    requests: AtomicU64,
}

/// What stands behind a model's name.
struct Served {
    driver: usize,
    adapter: Option<Arc<str>>,
}

#[derive(Deserialize)]
struct TokenizeRequest {
    prompt: Option<String>,
}

impl Server {
    /// Starts the engines. Needs a Tokio runtime.
    pub(crate) fn new(options: SimOptions, params: &EngineParams, keys: Keys) -> Self {
        let metrics = Metrics::new(options.max_model_len.get());
        let (mut drivers, mut names) = (Vec::new(), HashMap::new());
        for (driver, name) in options.models.iter().enumerate() {
            drivers.push(Driver::start(params.clone(), options.max_waiting, metrics.model(name, params)));
            names.insert(name.clone(), Served { driver, adapter: None });
        }
        for name in &options.adapters {
            names.insert(name.clone(), Served { driver: 0, adapter: Some(name.as_str().into()) });
        }
        let awake_at = Instant::now() + options.wake_delay;
        Self { drivers, names, metrics, keys, awake_at, created: unix_seconds(), requests: AtomicU64::new(0), options }
    }

    /// Answers one request; never fails, since what goes wrong is an answer too.
    pub(crate) async fn respond(&self, request: Request<Body>) -> Response<Body> {
        match Box::pin(self.route(request)).await {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(status = error.status.as_u16(), message = error.message, "refused");
                let mut response = json_response(error.status, &error.to_json());
                if let Some(seconds) = error.retry_after() {
                    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
        }
    }

    async fn route(&self, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        if path.starts_with("/v1/") {
            self.authorize(&head.headers)?;
        }
        match (&head.method, path) {
            (&Method::GET, "/metrics") => return self.exposition(&head.headers),
            (&Method::GET, "/version") => {
                return Ok(ok(&json!({"version": concat!("weir-sim ", env!("CARGO_PKG_VERSION"))})));
            }
            _ => self.check_awake()?,
        }
        match (&head.method, path) {
            (&Method::GET, "/health") => Ok(Response::new(empty())),
            (&Method::GET, "/v1/models") => Ok(ok(&self.models())),
            (&Method::POST, "/v1/chat/completions") => {
                self.generate(Kind::Chat, &head.headers, &read(body).await?).await
            }
            (&Method::POST, "/v1/completions") => {
                self.generate(Kind::Completion, &head.headers, &read(body).await?).await
            }
            (&Method::POST, "/v1/embeddings") => self.embed(&head.headers, &read(body).await?).await,
            (&Method::POST, "/tokenize") => self.tokenize(&read(body).await?),
            (_, path) => Err(no_route(path)),
        }
    }

    fn authorize(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        // Looking up a digest tells nothing about the keys by the time it takes.
        match given {
            Some(key) if self.keys.contains(&<[u8; 32]>::from(Sha256::digest(key))) => Ok(()),
            _ => Err(ApiError::new(
                StatusCode::UNAUTHORIZED,
                "Unauthorized: this simulator asks for one of its API keys.",
            )),
        }
    }

    fn check_awake(&self) -> Result<(), ApiError> {
        if Instant::now() < self.awake_at {
            return Err(ApiError::unavailable("The model is loading."));
        }
        Ok(())
    }

    async fn generate(&self, kind: Kind, headers: &HeaderMap, body: &[u8]) -> Result<Response<Body>, ApiError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let common: Common = parse(body)?;
        common.check()?;
        let (target, driver) = self.target(&common)?;
        let job = match kind {
            Kind::Chat => chat::plan(body, &common, &target)?,
            Kind::Completion => completion::plan(body, &common, &target)?,
        };
        let fault = job.fault(self.chance(number));
        if let Some(Fault::Fail(status)) = fault {
            return Err(ApiError::new(status, "The simulated engine fails this request, as it was told."));
        }
        let ticket = driver.submit(job.sequences(target.adapter.as_ref())).map_err(refusal)?;
        let prefix = if kind == Kind::Chat { "chatcmpl" } else { "cmpl" };
        let shape = Shape {
            kind,
            id: self.id(prefix, number, headers),
            created: unix_seconds(),
            model: target.name,
            logprobs: job.logprobs,
        };
        Delivery { job, shape, ticket, fault }.respond().await
    }

    async fn embed(&self, headers: &HeaderMap, body: &[u8]) -> Result<Response<Body>, ApiError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let common: Common = parse(body)?;
        let (target, driver) = self.target(&common)?;
        let plan = embedding::plan(body, &common, &target, usize::from(self.options.embedding_dimensions.get()))?;
        match self.chance(number) {
            Some(Chance::Fail) => {
                return Err(ApiError::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The simulated engine fails this request.",
                ));
            }
            Some(Chance::Hang) => std::future::pending::<()>().await,
            Some(Chance::Cut) | None => {}
        }
        let mut left = 0_usize;
        let sequences = plan.sequences().inspect(|_| left += 1).map(|sequence| (sequence, Finish::Stop)).collect();
        let mut ticket = driver.submit(sequences).map_err(refusal)?;
        while left > 0 {
            match ticket.next().await {
                Some((_, Event::Finished)) => left -= 1,
                Some(_) => {}
                None => return Err(ApiError::unavailable("The simulator is stopping.")),
            }
        }
        Ok(ok(&plan.answer(&self.id("embd", number, headers), unix_seconds())))
    }

    fn tokenize(&self, body: &[u8]) -> Result<Response<Body>, ApiError> {
        let common: Common = parse(body)?;
        self.target(&common)?;
        let request: TokenizeRequest = parse(body)?;
        let text = match request.prompt {
            Some(prompt) => prompt,
            None => chat::template(body)?,
        };
        let ids: Vec<u32> = tokens::split(&text).map(tokens::id).collect();
        let max_model_len = self.options.max_model_len.get();
        Ok(ok(&json!({"count": ids.len(), "max_model_len": max_model_len, "tokens": ids, "token_strs": null})))
    }

    /// The model that the request names, or the first one.
    fn target(&self, common: &Common) -> Result<(Target, &Driver), ApiError> {
        let name = match &common.model {
            Some(name) => name,
            None => self.options.models.first().ok_or_else(|| ApiError::no_model(""))?,
        };
        let served = self.names.get(name).ok_or_else(|| ApiError::no_model(name))?;
        let target = Target {
            name: name.clone(),
            adapter: served.adapter.clone(),
            max_model_len: self.options.max_model_len.get(),
            block_size: self.options.block_size.get(),
            seed: self.options.seed,
        };
        Ok((target, &self.drivers[served.driver]))
    }

    /// What chance does to the request with this number; with the same seed the same to the same number.
    fn chance(&self, number: u64) -> Option<Chance> {
        let options = &self.options;
        let mut dice = SmallRng::seed_from_u64(tokens::digest(&[&options.seed.to_le_bytes(), &number.to_le_bytes()]));
        let rates =
            [(options.fail_rate, Chance::Fail), (options.cut_rate, Chance::Cut), (options.hang_rate, Chance::Hang)];
        rates.into_iter().find(|(rate, _)| dice.random_bool(rate.get())).map(|(_, chance)| chance)
    }

    /// An id as vLLM makes it: the caller's `x-request-id` is part of it, where there is one.
    fn id(&self, prefix: &str, number: u64, headers: &HeaderMap) -> String {
        match headers.get("x-request-id").and_then(|id| id.to_str().ok()) {
            Some(id) => format!("{prefix}-{id}"),
            None => {
                let parts: [&[u8]; 3] =
                    [&self.options.seed.to_le_bytes(), &self.created.to_le_bytes(), &number.to_le_bytes()];
                format!("{prefix}-{:016x}{number:016x}", tokens::digest(&parts))
            }
        }
    }

    fn models(&self) -> Value {
        let root = self.options.models.first();
        let base = self.options.models.iter().map(|name| (name, name, None));
        let adapters = self.options.adapters.iter().map(|name| (name, name, root));
        let data: Vec<Value> = base
            .chain(adapters)
            .map(|(id, root, parent)| {
                json!({
                    "id": id,
                    "object": "model",
                    "created": self.created,
                    "owned_by": crate::shape::FINGERPRINT,
                    "root": root,
                    "parent": parent,
                    "max_model_len": self.options.max_model_len.get(),
                })
            })
            .collect();
        json!({"object": "list", "data": data})
    }

    fn exposition(&self, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
        let (mut running, mut waiting) = (BTreeSet::new(), BTreeSet::new());
        for driver in &self.drivers {
            let adapters = driver.observe();
            running.extend(adapters.0);
            waiting.extend(adapters.1);
        }
        if !self.options.adapters.is_empty() {
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
            self.metrics.set_adapters(self.options.adapters.len(), &running, &waiting, unix_seconds() as f64);
        }
        let accepted = headers.get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
        let open_metrics = accepted.is_some_and(|accept| accept.contains("application/openmetrics-text"));
        let text = self.metrics.render(open_metrics);
        let text = text.map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        let mut response = Response::new(full(text));
        let kind = if open_metrics { OPEN_METRICS } else { PLAIN_METRICS };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok(response)
    }
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    let collected = body.collect().await.map_err(|error: BoxError| {
        let status = RequestBodyError::find(&*error).map_or(StatusCode::BAD_REQUEST, RequestBodyError::status);
        ApiError::new(status, error.to_string())
    })?;
    Ok(collected.to_bytes())
}

fn no_route(path: &str) -> ApiError {
    const ROUTES: [&str; 7] =
        ["/health", "/metrics", "/v1/models", "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize"];
    if ROUTES.contains(&path) {
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    }
    ApiError::new(StatusCode::NOT_FOUND, "Not Found")
}

fn refusal(refused: Refused) -> ApiError {
    match refused {
        Refused::Full { .. } => ApiError::unavailable(refused.to_string()),
        Refused::TooLong(error) => error.into(),
    }
}

fn ok(body: &Value) -> Response<Body> {
    json_response(StatusCode::OK, body)
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
