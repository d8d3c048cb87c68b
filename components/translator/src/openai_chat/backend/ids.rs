//! Ids of tool calls as the backend takes them. A call and its result, which are written apart, get the same one.

use std::borrow::Cow;

use weir_core::config::CallId;

/// How long an id may be at OpenAI, in bytes.
const MOST: usize = 40;

/// The id under which a call goes upstream: its own where it may have that, else one made from it.
pub(in crate::openai_chat) fn call_id(id: &str, rule: CallId) -> Cow<'_, str> {
    match rule {
        CallId::Any if id.len() <= MOST => Cow::Borrowed(id),
        CallId::Any => Cow::Owned(format!("call_{}", letters::<20>(id))),
        CallId::Nine if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Cow::Borrowed(id),
        CallId::Nine => Cow::Owned(letters::<9>(id)),
    }
}

/// The id of a call that its backend gave none: made from the answer's, so that the same answer gives the same.
pub(super) fn missing_id(answer: &str, candidate: u32, tool: u32) -> String {
    format!("call_{}", letters::<20>(&format!("{answer}/{candidate}/{tool}")))
}

/// A short stable name for a long one of the client's: whom it stands for is for the client to know.
pub(super) fn short_name(name: &str) -> String {
    letters::<21>(name)
}

/// So many letters and digits that stand for `text`.
fn letters<const N: usize>(text: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut hash = fnv(text);
    let mut next = || {
        let digit = DIGITS[(hash % 62) as usize];
        hash /= 62;
        char::from(digit)
    };
    (0..N).map(|_| next()).collect()
}

/// The 128-bit hash of Fowler, Noll and Vo (FNV-1a). Its texts are one client's own, who can harm nobody else with two
/// that collide.
fn fnv(text: &str) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    text.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_the_backend_refuses_is_replaced_by_one_that_it_takes() {
        let long = "toolu_".repeat(9);
        for (id, rule, kept) in [
            ("call_1", CallId::Any, true),
            (long.as_str(), CallId::Any, false),
            ("D681PevKs", CallId::Nine, true),
            ("call_1", CallId::Nine, false),
            ("call_1234", CallId::Nine, false),
        ] {
            let sent = call_id(id, rule);
            assert_eq!(sent == id, kept, "{id}");
            assert_eq!(sent, call_id(id, rule));
            assert!(sent.len() <= MOST && sent.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            assert!(rule == CallId::Any || sent.len() == 9 && !sent.contains('_'), "{sent}");
        }
        assert_ne!(call_id("call_1", CallId::Nine), call_id("call_2", CallId::Nine));
    }
}
