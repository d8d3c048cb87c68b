//! Names that OpenAI takes in place of ones that are too long for it.

use std::borrow::Cow;

/// How long a user's name and a call's id may be, in characters.
const MOST: usize = 64;

/// The name itself where it is short enough; else one made from it, the same for the same name: names of one application
/// begin alike, so cutting them would not do.
pub(super) fn short(name: &str) -> Cow<'_, str> {
    if name.chars().count() <= MOST {
        return Cow::Borrowed(name);
    }
    // The 128-bit hash of Fowler, Noll and Vo (FNV-1a). The names are one client's own, who can harm nobody else with two
    // that collide.
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = name.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    Cow::Owned(format!("short_{hash:032x}"))
}
