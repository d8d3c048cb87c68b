//! Credentials and signatures: added last, to a call whose every other byte is settled.

use std::cell::RefCell;
use std::rc::Rc;

use http::HeaderMap;
use weir_core::header::SESSION;
use weir_core::secret::Credential;
use weir_core::signing::SigningKey;
use weir_core::{Config, ErrorKind, GatewayError, Secret};
use weir_face::{clock, random, settings};

use crate::attempt::{Upstream, redact};

thread_local! {
    /// The edge's key by its secret's name. Reading one costs as much as a signature.
    static SIGNER: RefCell<Option<(String, Rc<SigningKey>)>> = const { RefCell::new(None) };
}

/// The secrets that went into a call, and must not come back out of its answer.
pub(super) type Secrets = Rc<[Rc<Secret<String>>]>;

/// Who signed a call, and for whom.
pub(super) struct Signer {
    key: Rc<SigningKey>,
    audience: String,
}

impl Signer {
    /// Takes what the answer offers, so that further calls cost tier two less.
    pub(super) fn heed(&self, answer: &HeaderMap) {
        if let Some(offer) = answer.get(SESSION).and_then(|value| value.to_str().ok()) {
            self.key.heed(&self.audience, offer, random::bytes());
        }
    }
}

/// Adds what the backend wants to see: its key, or a signature.
pub(super) async fn attach(
    upstream: &mut Upstream,
    config: &Config,
) -> Result<(Secrets, Option<Signer>), GatewayError> {
    let mut secrets = Vec::new();
    if let Some(reference) = upstream.key.clone() {
        let secret = settings::secret(&reference.secret).await?;
        let credential = Credential::new(upstream.origin.clone(), &reference.scheme, &secret);
        let credential = credential.map_err(|fault| misconfigured(&fault.to_string()))?;
        let applied = credential.apply(&upstream.origin, &mut upstream.headers);
        applied.map_err(|fault| misconfigured(&fault.to_string()))?;
        secrets.push(secret);
    }
    let mut signed = None;
    if let Some(audience) = upstream.audience.clone() {
        let control = config.control.as_ref();
        let control = control.ok_or_else(|| misconfigured("a backend of kind weir needs `control`, to sign calls"))?;
        let key = signer(&control.secret).await?;
        upstream.sign(&key, &control.edge, clock::now(), random::bytes())?;
        signed = Some(Signer { key, audience });
    }
    Ok((secrets.into(), signed))
}

/// `text` without the secrets of a call.
pub(super) fn redacted(keys: &Secrets, text: &str) -> String {
    redact(text, &keys.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

async fn signer(name: &str) -> Result<Rc<SigningKey>, GatewayError> {
    let known = SIGNER.with_borrow(|known| known.clone());
    if let Some((_, key)) = known.filter(|(of, _)| of == name) {
        return Ok(key);
    }
    let secret = settings::secret(name).await?;
    let key = SigningKey::from_hex(&secret).map_err(|fault| misconfigured(&format!("the secret {name} is {fault}")))?;
    let key = Rc::new(key);
    SIGNER.set(Some((name.to_owned(), key.clone())));
    Ok(key)
}

fn misconfigured(why: &str) -> GatewayError {
    eprintln!("misconfigured: {why}");
    GatewayError::new(
        ErrorKind::Misconfigured,
        "the gateway is misconfigured; its operator finds the reason in its log",
    )
}
