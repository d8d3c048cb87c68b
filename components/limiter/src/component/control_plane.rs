//! Calls to the control plane: which origin, how long, and who is left alone.

use std::cell::RefCell;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use weir_core::config::Control;
use weir_core::control::{RENEW, RESERVE, Renew, Renewed, Reserve, Reserved, SETTLE, Settle, Settled};
use weir_core::header::SESSION;
use weir_core::signing::SigningKey;
use weir_core::{ErrorKind, GatewayError, Origin, Secret};
use weir_face::call::{Call, exchange};
use weir_face::{clock, random};

use crate::Breaker;
use crate::control_call::{ControlCall, ControlFault, SETTLE_AGAIN, read_answer};

/// The longest answer that is read, in bytes.
const ANSWER: usize = 64 * 1024;

pub(super) struct ControlPlane {
    control: Control,
    key: SigningKey,
    /// One for each origin.
    breakers: RefCell<Vec<Breaker>>,
    started: clock::Mark,
}

impl ControlPlane {
    pub(super) fn new(control: &Control, key: &Secret<String>) -> Result<Self, GatewayError> {
        let key = SigningKey::from_hex(key).map_err(|fault| {
            eprintln!("misconfigured: the secret {}: {fault}", control.secret);
            let message = "the gateway is misconfigured; its operator finds the reason in its log";
            GatewayError::new(ErrorKind::Misconfigured, message)
        })?;
        let breakers = control.origins.iter().map(|_| Breaker::default()).collect();
        Ok(Self { control: control.clone(), key, breakers: RefCell::new(breakers), started: clock::Mark::now() })
    }

    /// Asks for room.
    pub(super) async fn reserve(&self, ask: &Reserve) -> Result<Reserved, ControlFault> {
        let reserved = self.post(RESERVE, ask).await?;
        match &reserved {
            Reserved::Granted(grant) if grant.candidate >= ask.candidates.len() => {
                Err(ControlFault::Malformed(format!("there is no candidate {}", grant.candidate)))
            }
            _ => Ok(reserved),
        }
    }

    pub(super) async fn renew(&self, reservation: &str) -> Result<Renewed, ControlFault> {
        self.post(RENEW, &Renew { reservation: reservation.to_owned() }).await
    }

    /// Settles, and tries again a few times where that fails.
    pub(super) async fn settle(&self, settle: &Settle) {
        let mut waits = SETTLE_AGAIN.into_iter();
        loop {
            let fault = match self.post::<Settled>(SETTLE, settle).await {
                Ok(_) => return,
                Err(fault) => fault,
            };
            match waits.next() {
                Some(wait) if fault.may_pass() => clock::sleep(wait.into()).await,
                _ => {
                    eprintln!("attempt {} of request {} is not settled: {fault}", settle.attempt, settle.request);
                    return;
                }
            }
        }
    }

    /// Posts to the first origin that answers.
    async fn post<T: DeserializeOwned>(&self, path: &'static str, body: &impl Serialize) -> Result<T, ControlFault> {
        let mut last = ControlFault::Unreachable("no origin is configured".to_owned());
        for (index, origin) in self.control.origins.iter().enumerate() {
            if !self.with_breaker(index, |breaker| breaker.allows(self.started.elapsed())) {
                last = ControlFault::LeftAlone;
                continue;
            }
            match self.post_to(origin, path, body).await {
                Err(fault) if fault.is_outage() => {
                    self.with_breaker(index, |breaker| breaker.failed(self.started.elapsed()));
                    last = fault;
                }
                answered => {
                    self.with_breaker(index, Breaker::succeeded);
                    return answered;
                }
            }
        }
        Err(last)
    }

    async fn post_to<T: DeserializeOwned>(
        &self,
        origin: &Origin,
        path: &'static str,
        body: &impl Serialize,
    ) -> Result<T, ControlFault> {
        let call = ControlCall::new(path, body, &self.key, &self.control, clock::now(), random::bytes());
        let call = Call {
            method: Method::POST,
            origin: origin.clone(),
            target: call.path.to_owned(),
            headers: call.headers,
            body: call.body,
            connect: self.control.timeout,
        };
        let answer = exchange(call, Duration::from(self.control.timeout), ANSWER).await;
        let (status, headers, body) = answer.map_err(|code| ControlFault::Unreachable(format!("{code:?}")))?;
        if let Some(offer) = headers.get(SESSION).and_then(|value| value.to_str().ok()) {
            self.key.heed(&self.control.audience, offer, random::bytes());
        }
        read_answer(status, &body)
    }

    fn with_breaker<T>(&self, index: usize, with: impl FnOnce(&mut Breaker) -> T) -> T {
        with(&mut self.breakers.borrow_mut()[index])
    }
}
