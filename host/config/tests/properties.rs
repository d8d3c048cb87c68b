//! Laws of loading, for files that nobody would write.

use proptest::prelude::*;
use weir_config::fuzz::config_load;

/// Files that are good but for a few bytes: what people write.
const SEEDS: [&str; 3] = [
    include_str!("golden/good-everything.yaml"),
    include_str!("golden/good-both-tiers.yaml"),
    include_str!("golden/good-aliases.yaml"),
];

/// One thing that an editor, or a cat on the keyboard, does to a file.
#[derive(Clone, Debug)]
enum Edit {
    Delete { at: usize, length: usize },
    Insert { at: usize, text: String },
    SwapLines { first: usize, second: usize },
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<prop::sample::Index>(), 1..40_usize)
            .prop_map(|(at, length)| Edit::Delete { at: at.index(4_000), length }),
        (any::<prop::sample::Index>(), "[ -~äß\t\n{}\\[\\]:&*!|>'\"%@`-]{1,8}")
            .prop_map(|(at, text)| Edit::Insert { at: at.index(4_000), text }),
        (0..60_usize, 0..60_usize).prop_map(|(first, second)| Edit::SwapLines { first, second }),
    ]
}

fn apply(text: &str, edit: &Edit) -> String {
    match edit {
        Edit::Delete { at, length } => {
            let start = text.floor_char_boundary((*at).min(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            format!("{}{}", &text[..start], &text[end..])
        }
        Edit::Insert { at, text: inserted } => {
            let at = text.floor_char_boundary((*at).min(text.len()));
            format!("{}{inserted}{}", &text[..at], &text[at..])
        }
        Edit::SwapLines { first, second } => {
            let mut lines: Vec<_> = text.lines().collect();
            let count = lines.len().max(1);
            if !lines.is_empty() {
                lines.swap(first % count, second % count);
            }
            lines.join("\n") + "\n"
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fuzz_law_holds_for_edited_files(seed in 0..SEEDS.len(), edits in prop::collection::vec(edit(), 1..5)) {
        let text = edits.iter().fold(SEEDS[seed].to_owned(), |text, edit| apply(&text, edit));
        config_load(text.as_bytes());
    }

    #[test]
    fn the_fuzz_law_holds_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        config_load(&bytes);
    }
}
