//! Words that sound like English and mean nothing, out of a few syllables and dice.

use rand::Rng;
use rand::rngs::SmallRng;

const SMALL: [&str; 24] = [
    "the", "a", "of", "and", "to", "in", "it", "is", "was", "for", "on", "with", "as", "by", "at", "from", "but",
    "not", "this", "that", "which", "so", "or", "then",
];
const ONSETS: [&str; 24] = [
    "b", "br", "c", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "l", "m", "n", "p", "pl", "r", "s", "st", "sw", "t",
    "tr", "v", "w",
];
const VOWELS: [&str; 10] = ["a", "e", "i", "o", "u", "ea", "oo", "ai", "ow", "er"];
const CODAS: [&str; 16] = ["", "", "n", "t", "l", "r", "m", "ck", "nd", "st", "sh", "p", "ng", "rt", "ll", "ver"];

/// A made-up noun-like word, in small letters.
pub(crate) fn word(dice: &mut SmallRng) -> String {
    let mut word = syllable(dice);
    if dice.random_bool(0.35) {
        word.push_str(&syllable(dice));
    }
    word
}

/// `tokens` tokens of running text: a word each, with the space before it and the stop after it.
pub(crate) fn prose(tokens: usize, dice: &mut SmallRng) -> Vec<String> {
    let mut text = Vec::with_capacity(tokens);
    let mut left = 0_usize;
    for index in 0..tokens {
        let begins = left == 0;
        if begins {
            left = dice.random_range(4..13);
        }
        left -= 1;
        let ends = left == 0 || index + 1 == tokens;
        let small = !begins && !ends && dice.random_bool(0.4);
        let word = if small { SMALL[dice.random_range(0..SMALL.len())].to_owned() } else { word(dice) };
        let word = if begins { capitalised(&word) } else { word };
        let space = if index == 0 { "" } else { " " };
        let stop = if ends {
            "."
        } else if !small && dice.random_bool(0.08) {
            ","
        } else {
            ""
        };
        text.push(format!("{space}{word}{stop}"));
    }
    text
}

fn syllable(dice: &mut SmallRng) -> String {
    let onset = ONSETS[dice.random_range(0..ONSETS.len())];
    let vowel = VOWELS[dice.random_range(0..VOWELS.len())];
    let coda = CODAS[dice.random_range(0..CODAS.len())];
    format!("{onset}{vowel}{coda}")
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn prose_has_the_length_asked_for_and_ends_with_a_stop() {
        for tokens in [0, 1, 2, 50] {
            let text = prose(tokens, &mut SmallRng::seed_from_u64(3));
            assert_eq!(text.len(), tokens);
            assert!(text.last().is_none_or(|last| last.ends_with('.')));
        }
    }

    #[test]
    fn the_same_dice_say_the_same_and_others_something_else() {
        let say = |seed| prose(20, &mut SmallRng::seed_from_u64(seed)).concat();
        assert_eq!(say(1), say(1));
        assert_ne!(say(1), say(2));
    }
}
