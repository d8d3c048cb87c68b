//! The signature under every call from tier one to tier two: Ed25519 (RFC 8032) over what the call is.
//!
//! A token is `base64url(claims) . base64url(signature)` and stands in `x-weir-token`. It is bound to the audience,
//! method, path, body and to every `x-weir-*` header of the call, lives a minute at most, and is accepted once.
//!
//! A gRPC call in which the caller goes on to send messages has no body yet when it is signed. Its token says `stream`, and
//! is bound to the first message alone: who may call, for which model and with what first message is signed, what
//! follows on the same HTTP/2 stream is not. One who could put messages into it would have to be in the connection, which TLS
//! keeps; the receiver holds each later message to the model that the first one names. Such a token is good for nothing
//! else: where a whole body is expected, it is refused.
//!
//! To check a signature is most of what a short call costs tier two. Edges and tier two therefore agree on a key as they go,
//! and a token bears MACs under it behind its signature: see [`Sessions`].

mod session;

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::session::Offers;
pub use self::session::{LIFE as SESSION_LIFE, MOST_SESSIONS, Proof, Sessions, Verified};
use crate::header::TOKEN;
use crate::{Millis, Secret, UnixMillis};

/// How long a token may live at most.
pub const MAX_LIFE: Millis = Millis(60_000);
/// How far the two sides' clocks may differ.
pub const LEEWAY: Millis = Millis(30_000);

/// The private key of an edge or a tenant's chain: 32 bytes; and what it knows of tier two's processes by now.
pub struct SigningKey {
    signer: ed25519_dalek::SigningKey,
    offers: Mutex<Offers>,
}

/// A text that is not a signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signing key: 64 hexadecimal digits are expected, as `weir key edge` prints them")]
pub struct NotAKey;

impl SigningKey {
    /// A key from its 64 hexadecimal digits; white space around them is cut off.
    ///
    /// # Errors
    /// [`NotAKey`].
    pub fn from_hex(text: &Secret<String>) -> Result<Self, NotAKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.expose().trim(), &mut bytes).map_err(|_| NotAKey)?;
        Ok(Self { signer: ed25519_dalek::SigningKey::from_bytes(&bytes), offers: Mutex::default() })
    }

    /// The public key, as 64 hexadecimal digits: what tier two is told of this edge.
    #[must_use]
    pub fn public_hex(&self) -> String {
        hex::encode(self.signer.verifying_key().as_bytes())
    }

    /// Takes up what stands in `x-weir-session` of an answer of this audience, where the key is kept for further calls; an
    /// offer that cannot be read is none. `random` is the secret of this side, if it has none yet.
    pub fn heed(&self, audience: &str, offer: &str, random: [u8; 32]) {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner).take(audience, offer, random);
    }
}

/// What a call is, as its token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who signed: the edge's name.
    pub iss: String,
    /// For whom: the audience, which is the tier two's name.
    pub aud: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// SHA-256 of the body, in hexadecimal; of the first message with its prefix where the call is a stream.
    pub body: String,
    /// Whether only the first message is signed, since the others are not there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// SHA-256 of the `x-weir-*` headers, in hexadecimal: see [`digest_headers`].
    pub headers: String,
    /// Issued at.
    pub iat: UnixMillis,
    /// Not to be accepted any more from then on.
    pub exp: UnixMillis,
    /// The token's id, accepted once: 32 hexadecimal digits.
    pub jti: String,
    /// The issuer's public key for [`Sessions`], X25519 in base64url, once a process of the audience has offered its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// The parts of a call that its token is bound to.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// The headers; those that do not begin with `x-weir-` are not looked at.
    pub headers: &'a HeaderMap,
    /// The body; of a call that is a stream, the first message with its prefix.
    pub body: &'a [u8],
}

/// Signs a call that `issuer` makes to `audience` at `now`; `random` is the token's id.
#[must_use]
pub fn sign(
    key: &SigningKey,
    issuer: &str,
    audience: &str,
    call: Call<'_>,
    now: UnixMillis,
    random: [u8; 16],
) -> String {
    token(key, issuer, audience, call, false, now, random)
}

/// Signs a call whose body goes on after the first message, which is `call.body`: see the [module](self).
#[must_use]
pub fn sign_stream(
    key: &SigningKey,
    issuer: &str,
    audience: &str,
    call: Call<'_>,
    now: UnixMillis,
    random: [u8; 16],
) -> String {
    token(key, issuer, audience, call, true, now, random)
}

fn token(
    key: &SigningKey,
    issuer: &str,
    audience: &str,
    call: Call<'_>,
    stream: bool,
    now: UnixMillis,
    random: [u8; 16],
) -> String {
    let mut offers = key.offers.lock().unwrap_or_else(PoisonError::into_inner);
    let claims = Claims {
        iss: issuer.to_owned(),
        aud: audience.to_owned(),
        method: call.method.to_owned(),
        path: call.path.to_owned(),
        body: digest(call.body),
        stream,
        headers: digest_headers(call.headers),
        iat: now,
        exp: now.after(MAX_LIFE),
        jti: hex::encode(random),
        session: offers.session(audience),
    };
    let payload = URL_SAFE_NO_PAD.encode(crate::header::to_json(&claims));
    let signature = key.signer.sign(payload.as_bytes());
    let mut token = format!("{payload}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    offers.seal(issuer, audience, &payload, &mut token);
    token
}

/// Why a token was not accepted. The caller is told no more than that it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// It is not a token at all.
    #[error("the token is malformed")]
    Malformed,
    /// Nobody of that name is registered.
    #[error("the token's issuer is not registered")]
    UnknownIssuer,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// It is for another tier two.
    #[error("the token is for another audience")]
    WrongAudience,
    /// It is for another call.
    #[error("the token is for another {0}")]
    WrongCall(&'static str),
    /// It is too old, from the future, or lives too long.
    #[error("the token is expired, or not yet valid")]
    NotNow,
}

/// A registered key, from its 64 hexadecimal digits.
///
/// # Errors
/// [`NotAKey`].
pub fn public_key(hex_digits: &str) -> Result<VerifyingKey, NotAKey> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(hex_digits.trim(), &mut bytes).map_err(|_| NotAKey)?;
    VerifyingKey::from_bytes(&bytes).map_err(|_| NotAKey)
}

/// The claims of a token whose signature, issuer, audience and time are right. Whether it fits the call is up to
/// [`Claims::check_head`] and [`Claims::check_body`], since the body comes later; whether its id is new, to the
/// caller, who keeps those that were seen until they expire.
///
/// # Errors
/// [`SignatureFault`].
pub fn verify<'k>(
    token: &str,
    keys: impl FnOnce(&str) -> Option<&'k VerifyingKey>,
    audience: &str,
    now: UnixMillis,
) -> Result<Claims, SignatureFault> {
    let token = Token::read(token)?;
    token.check_signature(keys(&token.claims.iss).ok_or(SignatureFault::UnknownIssuer)?)?;
    token.check_circumstances(audience, now)?;
    Ok(token.claims)
}

/// A token taken apart: nothing of it is true before its signature, or a MAC, is checked.
struct Token<'t> {
    claims: Claims,
    /// What is signed.
    payload: &'t str,
    signature: &'t str,
    /// What stands behind the signature.
    macs: &'t str,
}

impl<'t> Token<'t> {
    fn read(token: &'t str) -> Result<Self, SignatureFault> {
        let (payload, rest) = token.split_once('.').ok_or(SignatureFault::Malformed)?;
        let (signature, macs) = rest.split_once('.').unwrap_or((rest, ""));
        let decoded = URL_SAFE_NO_PAD.decode(payload).map_err(|_| SignatureFault::Malformed)?;
        let claims = serde_json::from_slice(&decoded).map_err(|_| SignatureFault::Malformed)?;
        Ok(Self { claims, payload, signature, macs })
    }

    /// The MACs, each behind the beginning of the public key for which it is.
    fn macs(&self) -> impl Iterator<Item = Vec<u8>> {
        self.macs.split('.').filter_map(|mac| URL_SAFE_NO_PAD.decode(mac).ok())
    }

    fn check_signature(&self, key: &VerifyingKey) -> Result<(), SignatureFault> {
        let signature = URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| SignatureFault::Malformed)?;
        let signature = Signature::from_slice(&signature).map_err(|_| SignatureFault::Malformed)?;
        key.verify_strict(self.payload.as_bytes(), &signature).map_err(|_| SignatureFault::BadSignature)
    }

    /// Checks for whom the token is, and when.
    fn check_circumstances(&self, audience: &str, now: UnixMillis) -> Result<(), SignatureFault> {
        let claims = &self.claims;
        if claims.aud != audience {
            return Err(SignatureFault::WrongAudience);
        }
        let early = claims.iat > now.after(LEEWAY);
        let late = now >= claims.exp.after(LEEWAY);
        if early || late || claims.exp > claims.iat.after(MAX_LIFE) {
            return Err(SignatureFault::NotNow);
        }
        Ok(())
    }
}

impl Claims {
    /// Checks that the token is for a call with this head.
    ///
    /// # Errors
    /// [`SignatureFault::WrongCall`].
    pub fn check_head(&self, method: &str, path: &str, headers: &HeaderMap) -> Result<(), SignatureFault> {
        if self.method != method {
            return Err(SignatureFault::WrongCall("method"));
        }
        if self.path != path {
            return Err(SignatureFault::WrongCall("path"));
        }
        // A reader takes the first of two: the order of equal names is not signed.
        let twice =
            headers.keys().any(|name| name.as_str().starts_with("x-weir-") && headers.get_all(name).iter().count() > 1);
        if twice || self.headers != digest_headers(headers) {
            return Err(SignatureFault::WrongCall("set of headers"));
        }
        Ok(())
    }

    /// Checks that the token is for a call with this body, all of it.
    ///
    /// # Errors
    /// [`SignatureFault::WrongCall`].
    pub fn check_body(&self, body: &[u8]) -> Result<(), SignatureFault> {
        if !self.stream && self.body == digest(body) { Ok(()) } else { Err(SignatureFault::WrongCall("body")) }
    }

    /// Checks that the token is for a stream that begins with this message, its prefix included.
    ///
    /// # Errors
    /// [`SignatureFault::WrongCall`].
    pub fn check_first_message(&self, message: &[u8]) -> Result<(), SignatureFault> {
        if self.stream && self.body == digest(message) { Ok(()) } else { Err(SignatureFault::WrongCall("stream")) }
    }
}

/// SHA-256 over `name:value\n` for each `x-weir-*` header but the token itself, sorted by name, in hexadecimal.
#[must_use]
pub fn digest_headers(headers: &HeaderMap) -> String {
    let mut lines: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .filter(|(name, _)| name.starts_with("x-weir-") && *name != TOKEN)
        .collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    for (name, value) in lines {
        hash.update(name);
        hash.update(b":");
        hash.update(value);
        hash.update(b"\n");
    }
    hex::encode(hash.finalize())
}

fn digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_hex(&Secret::new(format!("{}\n", hex::encode([byte; 32])))).unwrap()
    }

    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-weir-request", HeaderValue::from_static("r"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        headers
    }

    fn token(headers: &HeaderMap) -> String {
        let call = Call { method: "POST", path: "/control/v1/settle", headers, body: b"{}" };
        sign(&key(1), "edge", "host", call, NOW, [7; 16])
    }

    #[test]
    fn a_token_is_accepted_for_its_own_call_only() {
        let public = public_key(&key(1).public_hex()).unwrap();
        let mut sent = headers();
        let claims = verify(&token(&sent), |name| (name == "edge").then_some(&public), "host", NOW).unwrap();
        sent.insert(TOKEN, HeaderValue::from_static("itself"));
        assert_eq!(claims.check_head("POST", "/control/v1/settle", &sent), Ok(()));
        assert_eq!(claims.check_body(b"{}"), Ok(()));
        assert_eq!(claims.check_body(b"{ }"), Err(SignatureFault::WrongCall("body")));
        assert_eq!(claims.check_head("GET", "/control/v1/settle", &sent), Err(SignatureFault::WrongCall("method")));
        assert_eq!(claims.check_head("POST", "/control/v1/renew", &sent), Err(SignatureFault::WrongCall("path")));
        let mut twice = sent.clone();
        twice.append("x-weir-request", HeaderValue::from_static("r"));
        assert!(claims.check_head("POST", "/control/v1/settle", &twice).is_err());
        sent.insert("x-weir-principal", HeaderValue::from_static("{}"));
        assert_eq!(
            claims.check_head("POST", "/control/v1/settle", &sent),
            Err(SignatureFault::WrongCall("set of headers"))
        );
    }

    #[test]
    fn a_token_for_a_stream_is_good_for_nothing_else() {
        let public = public_key(&key(1).public_hex()).unwrap();
        let sent = headers();
        let call = Call { method: "POST", path: "/p", headers: &sent, body: b"first" };
        let read = |token: &str| verify(token, |_| Some(&public), "host", NOW).unwrap();
        let stream = read(&sign_stream(&key(1), "edge", "host", call, NOW, [7; 16]));
        assert_eq!(stream.check_first_message(b"first"), Ok(()));
        assert!(stream.check_first_message(b"other").is_err());
        assert!(stream.check_body(b"first").is_err());
        let whole = read(&sign(&key(1), "edge", "host", call, NOW, [7; 16]));
        assert_eq!(whole.check_body(b"first"), Ok(()));
        assert!(whole.check_first_message(b"first").is_err());
    }

    #[test]
    fn wrong_keys_audiences_times_and_texts_are_refused() {
        let (right, wrong) = (public_key(&key(1).public_hex()).unwrap(), public_key(&key(2).public_hex()).unwrap());
        let token = token(&headers());
        let ask = |token: &str, key, aud, now| verify(token, |_| key, aud, now).err();
        assert_eq!(ask(&token, Some(&right), "host", NOW), None);
        assert_eq!(ask(&token, Some(&wrong), "host", NOW), Some(SignatureFault::BadSignature));
        assert_eq!(ask(&token, None, "host", NOW), Some(SignatureFault::UnknownIssuer));
        assert_eq!(ask(&token, Some(&right), "other", NOW), Some(SignatureFault::WrongAudience));
        assert_eq!(ask(&token, Some(&right), "host", NOW.after(Millis(90_000))), Some(SignatureFault::NotNow));
        assert_eq!(ask(&token, Some(&right), "host", UnixMillis(NOW.0 - 30_001)), Some(SignatureFault::NotNow));
        for text in ["", ".", "a.b", &token[..token.len() - 4], &token.replace('.', "")] {
            assert!(ask(text, Some(&right), "host", NOW).is_some(), "{text}");
        }
    }
}
