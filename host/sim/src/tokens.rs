//! Tokens without a tokenizer: four characters are one.
//!
//! A simulator has no vocabulary. Everything that needs a number of tokens (usage, context length, KV blocks, the pace of
//! the prefill) counts characters and divides by [`CHARS_PER_TOKEN`], which is about what English costs in common
//! vocabularies. The count is exact for the simulator's own purposes: the same text always costs the same.

use sha2::{Digest, Sha256};

/// Characters (Unicode scalar values) that count as one token.
pub const CHARS_PER_TOKEN: usize = 4;

/// How many tokens `text` is taken to be: its characters over [`CHARS_PER_TOKEN`], rounded up.
#[must_use]
pub fn count(text: &str) -> usize {
    text.chars().count().div_ceil(CHARS_PER_TOKEN)
}

/// `text` cut into its tokens, in order; joined they are `text` again.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (token, tail) = cut(rest, CHARS_PER_TOKEN)?;
        rest = tail;
        Some(token)
    })
}

/// A stable number for a token's text, as `/tokenize` shows it.
#[must_use]
pub fn id(token: &str) -> u32 {
    u32::try_from(digest(&[token.as_bytes()]) % 128_000).unwrap_or(0)
}

/// What identifies a full block of a prompt: its text and everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockHash(u64);

impl BlockHash {
    /// A hash from a plain number, for tests and experiments with the engine alone.
    #[must_use]
    pub fn from_raw(raw: u64) -> Self {
        Self(raw)
    }
}

/// A prompt as the engine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// How long it is, in tokens.
    pub tokens: usize,
    /// The hashes of its full blocks, each chained to the one before, so that equal hashes mean equal prefixes.
    pub blocks: Vec<BlockHash>,
}

impl Prompt {
    /// Measures `text`. `salt` keeps apart what must not share a cache (models, adapters, `cache_salt`).
    #[must_use]
    pub fn new(text: &str, salt: &str, block_size: usize) -> Self {
        let mut blocks = Vec::new();
        let mut previous = digest(&[salt.as_bytes()]);
        let mut rest = text;
        while let Some((block, tail)) = cut(rest, block_size.max(1) * CHARS_PER_TOKEN) {
            if tail.is_empty() && block.chars().count() < block_size * CHARS_PER_TOKEN {
                break;
            }
            previous = digest(&[&previous.to_le_bytes(), block.as_bytes()]);
            blocks.push(BlockHash(previous));
            rest = tail;
        }
        Self { tokens: count(text).max(1), blocks }
    }
}

/// The first eight bytes of a SHA-256 over `parts`: stable between runs and builds, which the answers' determinism needs.
pub(crate) fn digest(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let bytes = hash.finalize();
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The first `chars` characters of `text` and the rest; `None` when there is nothing left.
fn cut(text: &str, chars: usize) -> Option<(&str, &str)> {
    if text.is_empty() {
        return None;
    }
    let end = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    Some(text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_characters_are_a_token_whatever_their_bytes() {
        assert_eq!(count(""), 0);
        assert_eq!(count("abcd"), 1);
        assert_eq!(count("abcde"), 2);
        assert_eq!(count("éééé"), 1);
    }

    #[test]
    fn splitting_loses_nothing() {
        let text = "naïve tokens — of four";
        assert_eq!(split(text).collect::<String>(), text);
        assert_eq!(split(text).count(), count(text));
    }

    #[test]
    fn prompts_share_hashes_exactly_as_far_as_they_agree() {
        let one = Prompt::new(&"a".repeat(40), "m", 2);
        let other = Prompt::new(&format!("{}b{}", "a".repeat(20), "a".repeat(19)), "m", 2);
        let common = one.blocks.iter().zip(&other.blocks).take_while(|(a, b)| a == b).count();
        assert_eq!((one.blocks.len(), common), (5, 2));
        assert_ne!(one.blocks[0], Prompt::new(&"a".repeat(40), "other", 2).blocks[0]);
    }

    #[test]
    fn a_block_that_is_not_full_has_no_hash() {
        assert_eq!(Prompt::new(&"a".repeat(15), "m", 2).blocks.len(), 1);
        assert_eq!(Prompt::new(&"a".repeat(16), "m", 2).blocks.len(), 2);
    }
}
