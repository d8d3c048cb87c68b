//! A key that an edge and a process of tier two share for a while, so that tier two need not check a signature for each
//! call.
//!
//! Where tier two had to check a call's signature, it names a public key of its own in the answer's `x-weir-session`: an
//! offer. An edge that keeps something from call to call takes it up. From then on its tokens name a public key of the
//! edge's own too, under the signature like all they say, and bear a MAC behind the signature: HMAC-SHA256 (RFC 2104) under
//! the key that both derive, by X25519 (RFC 7748) and HKDF-SHA256 (RFC 5869), for this edge and this audience alone.
//!
//! The signature is in each token all the same. A process that started anew, another replica and one that has forgotten the
//! key check it as before, so that no call fails for want of a key and nobody waits for a handshake. Nor need an offer be
//! believed: whoever puts a key of his own in its place shares one with the edge that no tier two knows.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::VerifyingKey;
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::{Claims, SignatureFault, Token};
use crate::{Millis, UnixMillis};

/// How long tier two takes MACs under a key; then it checks a signature again, and goes on with the same key.
pub const LIFE: Millis = Millis(600_000);
/// The most sessions that a process of tier two keeps, at some 200 bytes each; more calls have their signature checked.
pub const MOST_SESSIONS: usize = 16_384;
/// The processes of tier two for which an edge puts MACs into a token: those that made the latest offers.
const PROCESSES: usize = 4;
/// How much of a public key stands before a MAC, to say whose it is.
const ID: usize = 8;

/// What a call's token was found to be.
#[derive(Debug)]
pub struct Verified {
    /// What the token says.
    pub claims: Claims,
    /// What showed that it is the edge's.
    pub proof: Proof,
    /// Whether the edge has no key of this process yet: its answer shall bear [`Sessions::offer`].
    pub wants_offer: bool,
}

/// What shows that a token is its issuer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The signature, which anybody can check.
    Signature,
    /// A MAC under the key of a session.
    Mac,
}

/// The sessions of one process of tier two.
pub struct Sessions {
    secret: StaticSecret,
    public: PublicKey,
    open: RwLock<HashMap<[u8; 32], Session>>,
}

/// What is kept under an edge's public key.
struct Session {
    issuer: String,
    /// The key that signed for the session: once another is registered for the issuer, the session is over.
    signer: VerifyingKey,
    key: SharedKey,
    until: UnixMillis,
}

impl Sessions {
    /// None yet; `random` becomes the process's own key.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        let secret = StaticSecret::from(random);
        Self { public: PublicKey::from(&secret), secret, open: RwLock::default() }
    }

    /// What an answer's `x-weir-session` says.
    #[must_use]
    pub fn offer(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public)
    }

    /// As [`verify`](super::verify), but by the MAC where the token bears one under a key of this process.
    ///
    /// # Errors
    /// [`SignatureFault`].
    pub fn verify<'k>(
        &self,
        token: &str,
        keys: impl FnOnce(&str) -> Option<&'k VerifyingKey>,
        audience: &str,
        now: UnixMillis,
    ) -> Result<Verified, SignatureFault> {
        let token = Token::read(token)?;
        let signer = keys(&token.claims.iss).ok_or(SignatureFault::UnknownIssuer)?;
        let mac = token.macs().find(|mac| mac.starts_with(id(&self.public)));
        let is_sealed = mac.as_ref().is_some_and(|mac| self.is_sealed(&token, signer, &mac[ID..], now));
        let proof = if is_sealed { Proof::Mac } else { Proof::Signature };
        if proof == Proof::Signature {
            token.check_signature(signer)?;
        }
        token.check_circumstances(audience, now)?;
        if proof == Proof::Signature {
            self.open(&token.claims, *signer, now);
        }
        Ok(Verified { claims: token.claims, proof, wants_offer: mac.is_none() })
    }

    /// Whether this is the token's MAC under a key that is known here for its edge.
    fn is_sealed(&self, token: &Token<'_>, signer: &VerifyingKey, mac: &[u8], now: UnixMillis) -> bool {
        let Some(public) = token.claims.session.as_deref().and_then(key_bytes) else { return false };
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(&public).is_some_and(|session| {
            let is_current = now < session.until && session.signer == *signer && session.issuer == token.claims.iss;
            is_current && session.key.mac(token.payload).verify_slice(mac).is_ok()
        })
    }

    /// Derives the key with an edge whose public one stood under a good signature.
    fn open(&self, claims: &Claims, signer: VerifyingKey, now: UnixMillis) {
        let Some(public) = claims.session.as_deref().and_then(key_bytes) else { return };
        let parties =
            Parties { issuer: &claims.iss, audience: &claims.aud, edge: public, host: self.public.to_bytes() };
        let Some(key) = SharedKey::derive(&self.secret, PublicKey::from(public), parties) else { return };
        let session = Session { issuer: claims.iss.clone(), signer, key, until: now.after(LIFE) };
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST_SESSIONS {
            open.retain(|_, session| now < session.until);
        }
        if open.len() < MOST_SESSIONS || open.contains_key(&public) {
            open.insert(public, session);
        }
    }
}

/// What an edge keeps of tier two's offers.
#[derive(Default)]
pub(super) struct Offers {
    own: Option<StaticSecret>,
    /// The latest at the end.
    taken: Vec<Offer>,
}

/// What one process of tier two offered.
struct Offer {
    audience: String,
    host: [u8; 32],
    /// The key with it, and the issuer for whom it was derived: when it is first needed, since an edge that keeps nothing
    /// from call to call never needs it.
    shared: Option<(String, SharedKey)>,
}

impl Offers {
    /// Takes up an offer; one that cannot be read is none. `random` becomes the edge's own key where it has none.
    pub(super) fn take(&mut self, audience: &str, offer: &str, random: [u8; 32]) {
        let Some(host) = key_bytes(offer) else { return };
        if self.taken.iter().any(|known| known.host == host && known.audience == audience) {
            return;
        }
        if self.taken.len() == PROCESSES {
            self.taken.remove(0);
        }
        self.own.get_or_insert_with(|| StaticSecret::from(random));
        self.taken.push(Offer { audience: audience.to_owned(), host, shared: None });
    }

    /// What tokens for this audience say of the edge's own key.
    pub(super) fn session(&self, audience: &str) -> Option<String> {
        let is_offered = self.taken.iter().any(|offer| offer.audience == audience);
        self.own.as_ref().filter(|_| is_offered).map(|own| URL_SAFE_NO_PAD.encode(PublicKey::from(own)))
    }

    /// Adds the MACs for all processes of an audience to a token of this payload.
    pub(super) fn seal(&mut self, issuer: &str, audience: &str, payload: &str, token: &mut String) {
        let Some(own) = &self.own else { return };
        let edge = PublicKey::from(own).to_bytes();
        for offer in self.taken.iter_mut().filter(|offer| offer.audience == audience) {
            if offer.shared.as_ref().is_none_or(|(of, _)| of != issuer) {
                let parties = Parties { issuer, audience, edge, host: offer.host };
                let key = SharedKey::derive(own, PublicKey::from(offer.host), parties);
                offer.shared = key.map(|key| (issuer.to_owned(), key));
            }
            let Some((_, key)) = &offer.shared else { continue };
            let mut mac = offer.host[..ID].to_vec();
            mac.extend_from_slice(&key.mac(payload).finalize().into_bytes());
            token.push('.');
            URL_SAFE_NO_PAD.encode_string(mac, token);
        }
    }
}

/// For whom a key is, all of which goes into it.
#[derive(Clone, Copy)]
struct Parties<'a> {
    issuer: &'a str,
    audience: &'a str,
    edge: [u8; 32],
    host: [u8; 32],
}

/// A key that two share.
struct SharedKey(Zeroizing<[u8; 32]>);

impl SharedKey {
    /// The key of the two, from one's secret and the other's public key; `None` for a public key that makes the same key
    /// with everybody (RFC 7748, section 6.1).
    fn derive(secret: &StaticSecret, other: PublicKey, parties: Parties<'_>) -> Option<Self> {
        let agreed = secret.diffie_hellman(&other);
        let Parties { issuer, audience, edge, host } = parties;
        let info: [&[u8]; 6] = [b"weir session 1\0", &edge, &host, issuer.as_bytes(), b"\0", audience.as_bytes()];
        let mut key = Zeroizing::new([0; 32]);
        let expanded = Hkdf::<Sha256>::new(None, agreed.as_bytes()).expand_multi_info(&info, &mut *key);
        (agreed.was_contributory() && expanded.is_ok()).then_some(Self(key))
    }

    fn mac(&self, payload: &str) -> Hmac<Sha256> {
        let mac = Hmac::new_from_slice(&*self.0).expect("HMAC takes keys of any length");
        mac.chain_update(payload)
    }
}

fn id(public: &PublicKey) -> &[u8] {
    &public.as_bytes()[..ID]
}

fn key_bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == bytes.len()).then_some(bytes)
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::super::{Call, SigningKey, sign, verify};
    use super::*;
    use crate::Secret;

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    struct Edge {
        key: SigningKey,
        public: VerifyingKey,
    }

    impl Edge {
        fn new(byte: u8) -> Self {
            let key = SigningKey::from_hex(&Secret::new(hex::encode([byte; 32]))).unwrap();
            Self { public: super::super::public_key(&key.public_hex()).unwrap(), key }
        }

        fn token(&self) -> String {
            let headers = HeaderMap::new();
            let call = Call { method: "POST", path: "/p", headers: &headers, body: b"{}" };
            sign(&self.key, "edge", "host", call, NOW, [7; 16])
        }

        /// One that has a session with this process.
        fn with_session(byte: u8, host: &Sessions) -> Self {
            let edge = Self::new(byte);
            assert!(edge.ask(host, &edge.token()).unwrap().wants_offer);
            edge.key.heed("host", &host.offer(), [byte; 32]);
            assert!(!edge.ask(host, &edge.token()).unwrap().wants_offer);
            edge
        }

        fn ask(&self, host: &Sessions, token: &str) -> Result<Verified, SignatureFault> {
            host.verify(token, |_| Some(&self.public), "host", NOW)
        }
    }

    /// A token whose part of this number, of payload, signature and MACs, is another one of the same length.
    fn forged(token: &str, part: usize) -> String {
        let forge = |(number, text): (usize, &str)| match number == part {
            true => {
                URL_SAFE_NO_PAD.encode(URL_SAFE_NO_PAD.decode(text).unwrap().iter().rev().copied().collect::<Vec<_>>())
            }
            false => text.to_owned(),
        };
        token.split('.').enumerate().map(forge).collect::<Vec<_>>().join(".")
    }

    #[test]
    fn once_both_have_the_key_the_mac_alone_carries_a_token() {
        let host = Sessions::new([9; 32]);
        let edge = Edge::with_session(1, &host);
        let token = edge.token();
        assert_eq!(token.split('.').count(), 3);
        let without_signature = forged(&token, 1);
        assert!(edge.ask(&host, &without_signature).is_ok());
        assert_eq!(edge.ask(&host, &forged(&without_signature, 2)).unwrap_err(), SignatureFault::BadSignature);
        // Nor is it a token for those who know the public key only.
        assert!(verify(&without_signature, |_| Some(&edge.public), "host", NOW).is_err());
        assert!(verify(&token, |_| Some(&edge.public), "host", NOW).is_ok());
    }

    #[test]
    fn what_is_said_under_a_mac_cannot_be_changed() {
        let host = Sessions::new([9; 32]);
        let edge = Edge::with_session(1, &host);
        let token = edge.token();
        let (_, proofs) = token.split_once('.').unwrap();
        let other = Claims { path: "/q".into(), ..Token::read(&token).unwrap().claims };
        let other = format!("{}.{proofs}", URL_SAFE_NO_PAD.encode(crate::header::to_json(&other)));
        assert_eq!(edge.ask(&host, &other).unwrap_err(), SignatureFault::BadSignature);
    }

    #[test]
    fn a_process_without_the_key_checks_the_signature() {
        let (host, restarted) = (Sessions::new([9; 32]), Sessions::new([8; 32]));
        let edge = Edge::with_session(1, &host);
        assert!(edge.ask(&restarted, &edge.token()).unwrap().wants_offer);
        assert_eq!(edge.ask(&restarted, &forged(&edge.token(), 1)).unwrap_err(), SignatureFault::BadSignature);
        // It offers its own, and the edge has both from then on.
        edge.key.heed("host", &restarted.offer(), [2; 32]);
        assert_eq!(edge.token().split('.').count(), 4);
        for process in [&host, &restarted] {
            assert!(!edge.ask(process, &edge.token()).unwrap().wants_offer);
            assert!(edge.ask(process, &forged(&edge.token(), 1)).is_ok());
        }
    }

    #[test]
    fn a_session_ends_with_its_time_and_with_the_edges_key() {
        let host = Sessions::new([9; 32]);
        let edge = Edge::with_session(1, &host);
        let token = forged(&edge.token(), 1);
        let other = Edge::new(2);
        assert_eq!(other.ask(&host, &token).unwrap_err(), SignatureFault::BadSignature);
        assert_eq!(host.verify(&token, |_| None, "host", NOW).unwrap_err(), SignatureFault::UnknownIssuer);
        assert_eq!(
            host.verify(&token, |_| Some(&edge.public), "other", NOW).unwrap_err(),
            SignatureFault::WrongAudience
        );
        let token = Token::read(&token).unwrap();
        let mac = token.macs().next().unwrap();
        assert!(host.is_sealed(&token, &edge.public, &mac[ID..], NOW));
        assert!(!host.is_sealed(&token, &edge.public, &mac[ID..], NOW.after(LIFE)));
        assert!(!host.is_sealed(&token, &other.public, &mac[ID..], NOW));
        // Its next token is good, by the signature, and opens it anew.
        assert!(host.verify(&edge.token(), |_| Some(&edge.public), "host", NOW).is_ok());
    }

    #[test]
    fn who_offers_a_key_in_tier_twos_place_gains_nothing() {
        let (host, between) = (Sessions::new([9; 32]), Sessions::new([8; 32]));
        let edge = Edge::with_session(1, &between);
        assert!(edge.ask(&between, &forged(&edge.token(), 1)).is_ok());
        assert!(edge.ask(&host, &edge.token()).unwrap().wants_offer);
        assert_eq!(edge.ask(&host, &forged(&edge.token(), 1)).unwrap_err(), SignatureFault::BadSignature);
        // With the true one's public key before it, the MAC is wrong all the same.
        let token = edge.token();
        let (signed, mac) = token.rsplit_once('.').unwrap();
        let mac = URL_SAFE_NO_PAD.decode(mac).unwrap();
        let claimed = URL_SAFE_NO_PAD.encode([id(&host.public), &mac[ID..]].concat());
        let claimed = forged(&format!("{signed}.{claimed}"), 1);
        assert_eq!(edge.ask(&host, &claimed).unwrap_err(), SignatureFault::BadSignature);
    }

    #[test]
    fn keys_that_agree_with_everybody_make_no_session() {
        let host = Sessions::new([9; 32]);
        let edge = Edge::new(1);
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        edge.key.heed("host", &zero, [3; 32]);
        assert_eq!(edge.token().split('.').count(), 2);
        let claims = Token::read(&edge.token()).unwrap().claims;
        host.open(&Claims { session: Some(zero), ..claims }, edge.public, NOW);
        assert!(host.open.read().unwrap().is_empty());
        for text in ["", "AAAA", "ä", &URL_SAFE_NO_PAD.encode([1; 33])] {
            edge.key.heed("host", text, [3; 32]);
        }
        assert_eq!(edge.token().split('.').count(), 2);
    }

    #[test]
    fn an_edge_keeps_the_latest_offers_of_an_audience() {
        let edge = Edge::new(1);
        let hosts: Vec<Sessions> = (10..16).map(|byte| Sessions::new([byte; 32])).collect();
        edge.key.heed("other", &hosts[0].offer(), [3; 32]);
        assert_eq!(edge.token().split('.').count(), 2, "other audiences' offers are not for this one");
        for host in &hosts {
            edge.key.heed("host", &host.offer(), [3; 32]);
            edge.key.heed("host", &host.offer(), [3; 32]);
        }
        assert_eq!(edge.token().split('.').count(), 2 + PROCESSES);
        let wants = |host: &Sessions| edge.ask(host, &edge.token()).unwrap().wants_offer;
        assert_eq!(hosts.iter().map(wants).collect::<Vec<_>>(), [true, true, false, false, false, false]);
    }

    #[test]
    fn sessions_are_bounded_and_give_way_when_their_time_is_over() {
        let host = Sessions::new([9; 32]);
        let edge = Edge::new(1);
        let claims = Token::read(&edge.token()).unwrap().claims;
        let of = |number: u32, now: UnixMillis| {
            let public = PublicKey::from(&StaticSecret::from(std::array::from_fn(|at| number.to_le_bytes()[at % 4])));
            host.open(&Claims { session: Some(URL_SAFE_NO_PAD.encode(public)), ..claims.clone() }, edge.public, now);
            host.open.read().unwrap().len()
        };
        {
            // Deriving so many keys takes long; what fills the room need not be true.
            let mut open = host.open.write().unwrap();
            for number in 0..u32::try_from(MOST_SESSIONS).unwrap() {
                let mut public = [255; 32];
                public[..4].copy_from_slice(&number.to_le_bytes());
                let key = SharedKey(Zeroizing::new([0; 32]));
                let (issuer, signer, until) = (String::new(), edge.public, NOW.after(LIFE));
                open.insert(public, Session { issuer, signer, key, until });
            }
        }
        assert_eq!(of(1, NOW), MOST_SESSIONS);
        assert_eq!(of(1, NOW.after(LIFE)), 1);
    }
}
