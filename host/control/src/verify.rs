//! Who may call tier two: edges that are registered, for the tenants that they are registered for.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ed25519_dalek::VerifyingKey;
use http::HeaderValue;
use http::request::Parts;
use parking_lot::Mutex;
use weir_cluster::{CallRefused, CallVerifier, SignedCall};
use weir_config::settings::EdgeIdentity;
use weir_core::header::{PRINCIPAL, TOKEN};
use weir_core::signing::{self, Claims, Sessions, SignatureFault};
use weir_core::{Pattern, Principal, UnixMillis, header};

use crate::metrics::Metrics;
use crate::options::ControlError;
use crate::replay::Replays;

/// The most tokens that are remembered. At 90 seconds each that is 10 000 calls a second, for about 80 MiB.
const REPLAYS: usize = 1_000_000;

/// Checks the signatures of calls from tier one, for the control plane and for the data plane alike: a token is
/// accepted once by both together.
pub struct Verifier {
    registry: ArcSwap<Registry>,
    sessions: Sessions,
    /// What the answer to an edge says that has no session yet.
    offer: HeaderValue,
    replays: Mutex<Replays>,
    metrics: Arc<Metrics>,
}

/// For whom calls must be signed, and by whom.
struct Registry {
    audience: String,
    edges: HashMap<String, (VerifyingKey, Arc<Edge>)>,
}

/// An edge that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Its name.
    pub name: Arc<str>,
    /// The tenants for which it may speak.
    pub tenants: Vec<Pattern>,
}

impl Edge {
    /// Whether the edge may speak for the tenant of this name.
    #[must_use]
    pub fn may_speak_for(&self, tenant: &str) -> bool {
        self.tenants.iter().any(|pattern| pattern.matches(tenant))
    }
}

/// A call whose head is what its token says.
#[derive(Clone, Debug)]
pub struct Verified {
    /// What the token says.
    pub claims: Claims,
    /// Who signed it.
    pub edge: Arc<Edge>,
    /// Who is calling, where the call says so.
    pub principal: Option<Principal>,
    /// What the answer shall say in `x-weir-session`, where the edge has no session with this process yet.
    pub offer: Option<HeaderValue>,
}

/// Why a call is refused. The caller is told no more than that it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no token, or more than one.
    #[error("the call bears no token, or more than one")]
    NoToken,
    /// The token is wrong, or is for something else.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
    /// The token was used before.
    #[error("the token was used before")]
    Replayed,
    /// The edge may not speak for the tenant.
    #[error("the edge may not speak for the tenant {0:?}")]
    Tenant(String),
    /// The principal's header cannot be read.
    #[error("the header x-weir-principal is not a principal")]
    Principal,
    /// The reservation is another edge's.
    #[error("the reservation is another edge's")]
    Owner,
}

impl Refusal {
    /// One word for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no-token",
            Self::Signature(SignatureFault::Malformed) => "malformed",
            Self::Signature(SignatureFault::UnknownIssuer) => "unknown-issuer",
            Self::Signature(SignatureFault::BadSignature) => "bad-signature",
            Self::Signature(SignatureFault::WrongAudience) => "wrong-audience",
            Self::Signature(SignatureFault::WrongCall(_)) => "wrong-call",
            Self::Signature(SignatureFault::NotNow) => "not-now",
            Self::Replayed => "replayed",
            Self::Tenant(_) => "tenant",
            Self::Principal => "principal",
            Self::Owner => "owner",
        }
    }
}

impl Verifier {
    pub(crate) fn new(audience: &str, edges: &[EdgeIdentity], metrics: Arc<Metrics>) -> Result<Self, ControlError> {
        let registry = ArcSwap::from_pointee(Registry::new(audience, edges)?);
        let sessions = Sessions::new(rand::random());
        let offer = HeaderValue::try_from(sessions.offer()).expect("base64url is a header's value");
        Ok(Self { registry, sessions, offer, replays: Mutex::new(Replays::new(REPLAYS)), metrics })
    }

    /// Registers other edges in place of those of before. On an error nothing changes.
    pub(crate) fn reload(&self, audience: &str, edges: &[EdgeIdentity]) -> Result<(), ControlError> {
        self.registry.store(Arc::new(Registry::new(audience, edges)?));
        Ok(())
    }

    /// Checks everything that the head of a call says: the token's issuer, signature, audience and time, that it is
    /// for this method, path and these headers, that the edge may speak for the principal's tenant where there is
    /// one, and that the token was not used before. It counts as used from then on.
    ///
    /// # Errors
    /// [`Refusal`], which is counted.
    pub fn verify_head(&self, head: &Parts, now: UnixMillis) -> Result<Verified, Refusal> {
        self.counted(self.check_head(head, now))
    }

    /// Checks that the call's body is the one that was signed.
    ///
    /// # Errors
    /// [`Refusal`], which is counted.
    pub fn check_body(&self, verified: &Verified, body: &[u8]) -> Result<(), Refusal> {
        self.counted(verified.claims.check_body(body).map_err(Refusal::from))
    }

    /// Checks that the edge may speak for a tenant that the body names.
    ///
    /// # Errors
    /// [`Refusal`], which is counted.
    pub fn check_tenant(&self, verified: &Verified, tenant: &str) -> Result<(), Refusal> {
        let may = verified.edge.may_speak_for(tenant);
        self.counted(if may { Ok(()) } else { Err(Refusal::Tenant(tenant.to_owned())) })
    }

    pub(crate) fn counted<T>(&self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        if let Err(refusal) = &result {
            self.metrics.refused(refusal.reason());
            tracing::debug!(reason = refusal.reason(), %refusal, "call refused");
        }
        result
    }

    fn check_head(&self, head: &Parts, now: UnixMillis) -> Result<Verified, Refusal> {
        let mut tokens = head.headers.get_all(TOKEN).iter();
        let (Some(token), None) = (tokens.next(), tokens.next()) else {
            return Err(Refusal::NoToken);
        };
        let token = token.to_str().map_err(|_| SignatureFault::Malformed)?;
        let registry = self.registry.load();
        let key = |issuer: &str| registry.edges.get(issuer).map(|(key, _)| key);
        let verified = self.sessions.verify(token, key, &registry.audience, now)?;
        let signing::Verified { claims, proof, wants_offer } = verified;
        let (_, edge) = registry.edges.get(&claims.iss).ok_or(SignatureFault::UnknownIssuer)?;
        let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        claims.check_head(head.method.as_str(), path, &head.headers)?;
        let principal: Option<Principal> =
            header::read_json(&head.headers, PRINCIPAL).map_err(|_| Refusal::Principal)?;
        if let Some(Principal { tenant, .. }) = &principal
            && !edge.may_speak_for(tenant)
        {
            return Err(Refusal::Tenant(tenant.clone()));
        }
        let mut id = [0; 16];
        hex::decode_to_slice(&claims.jti, &mut id).map_err(|_| SignatureFault::Malformed)?;
        if !self.replays.lock().is_new(id, claims.exp, now) {
            return Err(Refusal::Replayed);
        }
        self.metrics.proven(proof);
        Ok(Verified { edge: edge.clone(), claims, principal, offer: wants_offer.then(|| self.offer.clone()) })
    }
}

impl CallVerifier for Verifier {
    fn verify_head(&self, head: &Parts, now: UnixMillis) -> Result<SignedCall, CallRefused> {
        let verified = self.verify_head(head, now).map_err(|refusal| CallRefused(refusal.to_string()))?;
        let Verified { claims, principal, offer, .. } = verified;
        Ok(SignedCall { claims, principal, offer })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = self.registry.load();
        f.debug_struct("Verifier")
            .field("audience", &registry.audience)
            .field("edges", &registry.edges.keys())
            .finish_non_exhaustive()
    }
}

impl Registry {
    fn new(audience: &str, edges: &[EdgeIdentity]) -> Result<Self, ControlError> {
        let edge = |identity: &EdgeIdentity| {
            let EdgeIdentity { name, public_key, tenants } = identity;
            let key = signing::public_key(public_key).map_err(|_| ControlError::PublicKey { edge: name.clone() })?;
            let edge = Edge { name: name.as_str().into(), tenants: tenants.clone() };
            Ok((name.clone(), (key, Arc::new(edge))))
        };
        Ok(Self { audience: audience.to_owned(), edges: edges.iter().map(edge).collect::<Result<_, _>>()? })
    }
}
