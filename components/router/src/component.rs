//! The face towards WASI: carries bytes and handles between the pure parts and the next part in.

mod sent;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use http::{HeaderMap, HeaderValue};
use weir_core::config::{Retry, Runtime};
use weir_core::error::ErrorKind;
use weir_core::usage::Failure;
use weir_core::{Dialect, GatewayError, Limits, Millis, Outcome, RequestId, RequestView, header};
use weir_face::relay::Relay;
use weir_face::request::{BodyFault, Incoming};
use weir_face::{ErrorCode, Request, Response, answer, clock, leave, random, settings};

use crate::course::{self, Course, Next};
use crate::{Cooldowns, Decision, Head, Refusal, RetryBudget, Room, Router, Share, head, room};
use sent::Sent;

/// What an instance keeps. Of what callers send it keeps nothing: how often it tried again, and which backends
/// asked to be left alone.
struct Instance {
    router: Router,
    limits: Limits,
    retry: Retry,
    runtime: Runtime,
    room: Room,
    budget: RefCell<RetryBudget>,
    cooldowns: RefCell<Cooldowns>,
    started: clock::Mark,
}

thread_local! {
    static INSTANCE: OnceCell<Rc<Instance>> = const { OnceCell::new() };
}

#[cfg(feature = "component")]
weir_face::export_middleware!(handle);

/// Makes the plan for a request, and hands it on to the next part in until an attempt is an answer.
///
/// # Errors
/// None: what fails is answered.
pub async fn handle(
    request: Request,
    next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
) -> Result<Response, ErrorCode> {
    let mut incoming = Incoming::take(request);
    let served = match instance().await {
        Ok(instance) => instance.serve(&mut incoming, next).await,
        Err(error) => Err(misconfigured(&incoming, error)),
    };
    Ok(served.unwrap_or_else(|refusal| answer::error(refusal.dialect, &refusal.error, refusal.request)))
}

async fn instance() -> Result<Rc<Instance>, GatewayError> {
    if let Some(instance) = INSTANCE.with(|cell| cell.get().cloned()) {
        return Ok(instance);
    }
    let config = settings::config().await?;
    let instance = Rc::new(Instance {
        router: Router::new(&config),
        limits: config.sizes,
        retry: config.retry,
        runtime: config.runtime,
        room: Room::new(config.sizes.instance_bytes),
        budget: RefCell::new(RetryBudget::new(&config.retry, Millis::ZERO)),
        cooldowns: RefCell::default(),
        started: clock::Mark::now(),
    });
    // Two requests may have come at once; the first one's work stays.
    Ok(INSTANCE.with(|cell| cell.get_or_init(|| instance).clone()))
}

impl Instance {
    async fn serve(
        &self,
        incoming: &mut Incoming,
        next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
    ) -> Result<Response, Refusal> {
        let head = Head::read(&incoming.method, &incoming.target, &incoming.headers)?;
        let mut share = self.room.share();
        let sent = if head.view.goes_on() {
            Sent::first(incoming.take_body(), self.limits.body_bytes, &mut share).await
        } else {
            self.read_body(incoming, &mut share).await.map(Sent::Whole)
        };
        let sent = sent.map_err(|error| head.refuse(error))?;
        let decision = self
            .router
            .decide(&head, &incoming.headers, sent.decisive(), random::number(), &self.cooldowns.borrow(), self.now())
            .map_err(|error| head.refuse(error))?;
        incoming.target = head.view.path_and_query();
        self.attempts(incoming, &head, decision, sent, next).await
    }

    /// Reads the body into this request's share of the room.
    async fn read_body(&self, incoming: &mut Incoming, share: &mut Share) -> Result<Vec<u8>, GatewayError> {
        let limit = self.limits.body_bytes;
        let mut crowded = false;
        let read = incoming.read_body_while(limit, |bytes| {
            crowded = !share.grow_to(bytes);
            !crowded
        });
        match read.await {
            Ok(body) => Ok(body),
            Err(BodyFault::TooLarge) if crowded => Err(room::no_room()),
            Err(BodyFault::TooLarge) => Err(head::too_large(limit)),
            Err(BodyFault::Broken) => Err(head::broken_off()),
        }
    }

    /// Sends the plan down until an attempt is an answer, or none is left.
    async fn attempts(
        &self,
        incoming: &mut Incoming,
        head: &Head,
        decision: Decision,
        mut sent: Sent,
        next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
    ) -> Result<Response, Refusal> {
        self.budget.borrow_mut().count_request();
        prepare(&mut incoming.headers);
        incoming.headers.insert(header::ESTIMATE, header::json_value(&decision.estimate));
        let attempts = sent.attempts(self.retry.attempts);
        let mut course = Course::new(decision.plan, &Retry { attempts, ..self.retry });
        loop {
            self.address(&mut incoming.headers, &course);
            let (request, carrying) = sent.request(incoming, course.is_last());
            let response = next(request).await.map_err(|code| {
                eprintln!("the next part in failed: {code:?}");
                head.refuse(GatewayError::new(
                    ErrorKind::Internal,
                    "the gateway failed; its operator finds why in its log",
                ))
            })?;
            let relay = Relay::of(sent::carried_until_its_end(response, carrying));
            let failure = course::failure(relay.status, &relay.headers);
            let Some(failure) =
                failure.filter(|failure| failure.retry && !course.is_last() || failure.retry_after.is_some())
            else {
                return Ok(leave::to_client(relay, head.request, self.runtime, &incoming.headers));
            };
            // Heard to its end before anything else: what the attempt holds is settled there.
            let failed = Failed::hear(relay, self.limits.error_bytes).await;
            if self.after(&mut course, failure, failed.outcome.as_ref()) != Next::Again {
                return Ok(failed.answer(head.request, self.runtime, &incoming.headers));
            }
        }
    }

    fn after(&self, course: &mut Course, failure: Failure, outcome: Option<&Outcome>) -> Next {
        let (mut cooldowns, mut budget) = (self.cooldowns.borrow_mut(), self.budget.borrow_mut());
        course.after(failure, outcome, &mut cooldowns, &mut budget, self.now())
    }

    /// Adds what the attempt at hand is about.
    fn address(&self, headers: &mut HeaderMap, course: &Course) {
        let deadline = clock::now().after(self.router.patience(course.plan()));
        headers.insert(header::PLAN, header::json_value(course.plan()));
        headers.insert(header::ATTEMPT, HeaderValue::from(course.attempt()));
        headers.insert(header::DEADLINE, HeaderValue::from(deadline.0));
    }

    /// The time on a clock that does not go back, from the instance's start.
    fn now(&self) -> Millis {
        self.started.elapsed()
    }
}

/// A failed attempt, heard to its end.
struct Failed {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    outcome: Option<Outcome>,
}

impl Failed {
    async fn hear(mut relay: Relay, limit: usize) -> Self {
        let (status, headers) = (relay.status, std::mem::take(&mut relay.headers));
        let (body, trailers) = relay.drain(limit).await;
        let trailers = trailers.ok().flatten();
        let outcome = trailers.and_then(|trailers| header::read_json(&trailers, header::USAGE).ok().flatten());
        Self { status, headers, body, outcome }
    }

    fn answer(mut self, request: RequestId, runtime: Runtime, sent: &HeaderMap) -> Response {
        leave::clean(&mut self.headers, request, runtime, sent);
        answer::whole(self.status, self.headers, self.body)
    }
}

/// Takes away what was about the body's way here.
fn prepare(headers: &mut HeaderMap) {
    for name in ["content-encoding", "expect", "trailer", "te"] {
        headers.remove(name);
    }
}

fn misconfigured(incoming: &Incoming, error: GatewayError) -> Refusal {
    let anthropic = incoming.headers.contains_key("anthropic-version");
    let view = RequestView::parse(&incoming.method, &incoming.target, anthropic);
    let dialect: Dialect = view.map_or_else(|(dialect, _)| dialect, |view| view.dialect);
    let request = incoming.headers.get(header::REQUEST).and_then(|value| value.to_str().ok()?.parse().ok());
    Refusal { dialect, error, request }
}
