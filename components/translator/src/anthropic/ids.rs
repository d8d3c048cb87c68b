//! Ids as Anthropic has them (letters, digits, `_` and `-`), and a proof that proves nothing.

use std::borrow::Cow;

/// Stands where clients must be given a proof and the backend gave none: a wrapped signature without a value, which
/// never reaches a backend of Anthropic's.
pub(super) const NOBODYS_PROOF: &str = "weir1.openai-chat.cw";

/// A tool call's id that Anthropic and its clients take, in place of one that they do not: the same for the same id,
/// and another for another.
pub(super) fn tool_use(id: &str) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !id.is_empty() && id.chars().all(fits) {
        return Cow::Borrowed(id);
    }
    let plain: String = id.chars().map(|c| if fits(c) { c } else { '_' }).take(64).collect();
    Cow::Owned(format!("{plain}_{:016x}", hash([id])))
}

/// The id of a call that the backend gave none: the same for the same answer and place.
pub(super) fn derived(answer: &str, place: usize) -> String {
    format!("toolu_{:016x}", hash([answer, &place.to_string()]))
}

/// The id of an answer that the backend gave none. Agents take answers with the same id for one, so the time counts.
pub(super) fn message(model: &str, millis: u64) -> String {
    format!("msg_{:016x}", hash([model, &millis.to_string()]))
}

/// The 64-bit hash of Fowler, Noll and Vo (FNV-1a), with an end after each text.
fn hash<const N: usize>(texts: [&str; N]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobodys_proof_is_a_wrapped_signature_without_a_value() {
        assert_eq!(crate::canonical::Signature::new(weir_core::Dialect::OpenaiChat, "").wrap(false), NOBODYS_PROOF);
    }

    #[test]
    fn only_what_anthropic_refuses_is_changed() {
        assert_eq!(tool_use("toolu_01-AZ"), "toolu_01-AZ");
        let (read, list) = (tool_use("functions.read:0"), tool_use("functions.read_0"));
        assert!(read.starts_with("functions_read_0_") && list.starts_with("functions_read_0_") && read != list);
        assert_eq!(tool_use(""), tool_use(""));
        assert_ne!(derived("m", 0), derived("m", 1));
    }
}
