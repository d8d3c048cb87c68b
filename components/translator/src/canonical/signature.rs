//! Proofs of reasoning, and how they travel through a client that cannot read them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use weir_core::Dialect;

/// What all wrapped signatures begin with.
pub(crate) const PREFIX: &str = "weir1.";

/// A proof that only the family of backends which made it can read; others must not be sent it.
///
/// A client whose dialect is not its maker's gets it [wrapped](Self::wrap), so that a later turn of the conversation
/// can bring it back to where it came from, whichever backend that turn goes to first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The dialect whose backends made it.
    pub family: Dialect,
    /// As it came.
    pub value: String,
}

impl Signature {
    /// A signature of this family.
    #[must_use]
    pub fn new(family: Dialect, value: impl Into<String>) -> Self {
        Self { family, value: value.into() }
    }

    /// `weir1.<family>.<base64url>`. `redacted` says whether it stands for the words themselves, which
    /// [`unwrap`](Self::unwrap) tells again.
    #[must_use]
    pub fn wrap(&self, redacted: bool) -> String {
        let payload = [if redacted { "r" } else { "s" }, self.value.as_str()].concat();
        format!("{PREFIX}{}.{}", self.family.name(), URL_SAFE_NO_PAD.encode(payload))
    }

    /// Reads what [`wrap`](Self::wrap) wrote, and whether the signature stands for the words; `None` for anything else.
    #[must_use]
    pub fn unwrap(text: &str) -> Option<(Self, bool)> {
        let (family, payload) = text.strip_prefix(PREFIX)?.split_once('.')?;
        let family = Dialect::ALL.into_iter().find(|dialect| dialect.name() == family)?;
        let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let redacted = payload.starts_with('r');
        let value = payload.strip_prefix(['r', 's'])?.to_owned();
        Some((Self { family, value }, redacted))
    }

    /// A signature as a client of `dialect` sends it back: wrapped where it is another family's, its own otherwise;
    /// and whether it stands for the words, where the wrapping says so.
    #[must_use]
    pub fn read(text: String, dialect: Dialect) -> (Self, bool) {
        Self::unwrap(&text).unwrap_or_else(|| (Self::new(dialect, text), false))
    }

    /// The signature as a client of `dialect` gets it: as it is where it is of the same family, else wrapped.
    #[must_use]
    pub fn written(&self, dialect: Dialect, redacted: bool) -> String {
        if self.family == dialect { self.value.clone() } else { self.wrap(redacted) }
    }

    /// A tool call's id that carries the proof of the reasoning before it, for clients whose dialect has no other place
    /// for one (chat): `<id>~weir1.…`.
    #[must_use]
    pub fn into_id(&self, id: &str, redacted: bool) -> String {
        format!("{id}~{}", self.wrap(redacted))
    }

    /// Takes apart what [`into_id`](Self::into_id) wrote: the call's own id, and the proof where there is one.
    #[must_use]
    pub fn from_id(id: &str) -> (&str, Option<(Self, bool)>) {
        match id.split_once('~').and_then(|(own, rest)| Some((own, Self::unwrap(rest)?))) {
            Some((own, proof)) => (own, Some(proof)),
            None => (id, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_wrapped_comes_out_as_it_was(value in "\\PC{0,80}", redacted: bool, at in 0usize..6, id in "[a-z_0-9]{0,12}") {
            let signature = Signature::new(Dialect::ALL[at], value);
            prop_assert_eq!(Signature::unwrap(&signature.wrap(redacted)), Some((signature.clone(), redacted)));
            let carried = signature.into_id(&id, redacted);
            prop_assert_eq!(Signature::from_id(&carried), (id.as_str(), Some((signature, redacted))));
        }

        #[test]
        fn anything_else_is_left_alone(text in "\\PC{0,60}") {
            prop_assume!(Signature::unwrap(&text).is_none());
            let (read, redacted) = Signature::read(text.clone(), Dialect::AnthropicMessages);
            prop_assert_eq!((read.value, redacted), (text.clone(), false));
            prop_assert_eq!(Signature::from_id(&text).0, text.as_str());
        }
    }

    #[test]
    fn a_signature_is_wrapped_for_others_alone() {
        let signature = Signature::new(Dialect::AnthropicMessages, "abc");
        assert_eq!(signature.written(Dialect::AnthropicMessages, false), "abc");
        assert_eq!(signature.written(Dialect::OpenaiResponses, false), "weir1.anthropic-messages.c2FiYw");
    }
}
