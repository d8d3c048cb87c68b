//! Proofs of thoughts in the ids of tool calls, since chat completions have no other place that clients send back:
//! `<id>~weir1.…`, once for each proof.

use crate::canonical::Signature;

/// What every wrapped proof begins with.
pub(super) const WRAPPED: &str = "weir1.";

/// What stands between an id and a proof.
const JOINT: &str = "~weir1.";

/// A proof, and whether it stands for the words themselves.
pub(super) type Proof = (Signature, bool);

/// A call's id that carries `proofs`.
pub(super) fn carry(id: &str, proofs: &[Proof]) -> String {
    proofs.iter().fold(id.to_owned(), |id, (signature, redacted)| signature.into_id(&id, *redacted))
}

/// The id itself.
pub(super) fn own(id: &str) -> &str {
    id.split_once(JOINT).map_or(id, |(own, _)| own)
}

/// Takes apart what [`carry`] wrote; proofs that cannot be read are left out.
pub(super) fn apart(id: &str) -> (&str, Vec<Proof>) {
    let own = own(id);
    let carried = id[own.len()..].split('~').skip(1);
    (own, carried.filter_map(Signature::unwrap).collect())
}

#[cfg(test)]
mod tests {
    use weir_core::Dialect;

    use super::*;

    #[test]
    fn proofs_come_out_of_an_id_as_they_went_in() {
        let proof = |value: &str, redacted| (Signature::new(Dialect::AnthropicMessages, value), redacted);
        for proofs in [vec![], vec![proof("a~b", false)], vec![proof("", true), proof("\u{1F600}", false)]] {
            let id = carry("call_~1", &proofs);
            assert_eq!(apart(&id), ("call_~1", proofs), "{id}");
        }
        assert_eq!(apart("call~weir1.nonsense"), ("call", vec![]));
        assert_eq!(Signature::from_id(&carry("c", &[proof("x", true)])), ("c", Some(proof("x", true))));
    }
}
