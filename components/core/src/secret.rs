//! Secrets, and credentials that can only go where they belong.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use zeroize::Zeroize;

use crate::Origin;

/// A value that must not be seen: it has no `Debug`, `Display` or `Serialize`, and its memory is wiped when it is dropped.
///
/// ```compile_fail
/// println!("{:?}", weir_core::Secret::new(String::from("sk-1")));
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes a value into custody.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// How a backend wants to be shown its key.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// `authorization: Bearer …` (RFC 6750).
    Bearer,
    /// The bare key in a header of this name, as `x-api-key` (Anthropic) or `api-key` (Azure).
    Header(String),
}

/// A key, bound to the one origin that may see it.
pub struct Credential {
    origin: Origin,
    name: HeaderName,
    value: HeaderValue,
}

/// A credential was about to be sent to an origin that it does not belong to.
#[derive(Debug, thiserror::Error)]
#[error("a credential for {bound} was about to be sent to {target}")]
pub struct WrongOrigin {
    /// The origin that the credential belongs to.
    pub bound: Origin,
    /// Where it was about to go.
    pub target: Origin,
}

/// A secret that cannot be a header's value: it holds a line break or another control character.
#[derive(Debug, thiserror::Error)]
#[error("the key for {0} holds a character that no header can carry; look for a line break in it")]
pub struct UnusableKey(pub Origin);

impl Credential {
    /// Binds `key` to `origin`. White space around the key is cut off, as files end in a line break.
    ///
    /// # Errors
    /// [`UnusableKey`] when the key, or the scheme's header name, cannot stand in a header.
    pub fn new(origin: Origin, scheme: &Scheme, key: &Secret<String>) -> Result<Self, UnusableKey> {
        let key = key.expose().trim();
        let built = match scheme {
            Scheme::Bearer => HeaderValue::from_str(&format!("Bearer {key}")).ok().map(|v| (header::AUTHORIZATION, v)),
            Scheme::Header(name) => HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::from_str(key).ok()),
        };
        let Some((name, mut value)) = built else {
            return Err(UnusableKey(origin));
        };
        value.set_sensitive(true);
        Ok(Self { origin, name, value })
    }

    /// Adds the key to a request that goes to `target`.
    ///
    /// # Errors
    /// [`WrongOrigin`], and nothing is added, when `target` is not the origin that the key is bound to.
    pub fn apply(&self, target: &Origin, headers: &mut HeaderMap) -> Result<(), WrongOrigin> {
        if *target != self.origin {
            return Err(WrongOrigin { bound: self.origin.clone(), target: target.clone() });
        }
        headers.insert(self.name.clone(), self.value.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e3_a_credential_refuses_another_origin() {
        let here: Origin = "https://api.openai.com".parse().unwrap();
        let there: Origin = "https://api.openai.com.evil.example".parse().unwrap();
        let credential = Credential::new(here.clone(), &Scheme::Bearer, &Secret::new("sk-1\n".into())).unwrap();
        let mut headers = HeaderMap::new();
        assert!(credential.apply(&there, &mut headers).is_err());
        assert!(headers.is_empty());
        credential.apply(&here, &mut headers).unwrap();
        assert_eq!(headers["authorization"], "Bearer sk-1");
    }

    #[test]
    fn a_key_with_a_line_break_inside_is_refused() {
        let here: Origin = "https://api.openai.com".parse().unwrap();
        assert!(Credential::new(here, &Scheme::Bearer, &Secret::new("sk\r\nx: y".into())).is_err());
    }
}
