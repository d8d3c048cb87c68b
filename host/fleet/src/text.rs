//! Texts as a terminal shows them.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};
use weir_cluster::SourceState;
use weir_core::UnixMillis;

/// One line without anything that a terminal would obey: what objects say of themselves is not to be trusted.
pub(crate) fn line(text: &str) -> String {
    let visible = |c: char| if c.is_control() || is_invisible(c) { ' ' } else { c };
    let text: String = text.chars().map(visible).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that change the order or the look of their neighbours and show nothing themselves.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text of at most so many columns; an ellipsis stands where it was cut.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let (mut kept, mut taken) = (String::new(), 0);
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken + 1 > most {
            break;
        }
        kept.push(c);
    }
    if most > 0 {
        kept.push('…');
    }
    kept
}

/// A text in lines of at most so many columns, broken between words; a word that is longer is broken itself.
pub(crate) fn wrap(text: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let mut lines = vec![String::new()];
    let mut taken = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let gap = usize::from(taken > 0);
        if taken > 0 && taken + gap + width(word) > most {
            lines.push(String::new());
            taken = 0;
        } else if gap > 0 {
            put(&mut lines, ' ');
            taken += 1;
        }
        for c in word.chars() {
            let columns = c.width().unwrap_or(0);
            if taken > 0 && taken + columns > most {
                lines.push(String::new());
                taken = 0;
            }
            put(&mut lines, c);
            taken += columns;
        }
    }
    lines
}

fn put(lines: &mut [String], c: char) {
    if let Some(last) = lines.last_mut() {
        last.push(c);
    }
}

/// Where a model was found, in words.
pub(crate) fn source(source: &SourceState) -> String {
    match (&source.namespace, &source.name) {
        (Some(namespace), Some(name)) => format!("{} {}/{}", line(&source.kind), line(namespace), line(name)),
        _ if source.kind == "file" => "weir.yaml".into(),
        (_, Some(name)) => format!("{} {}", line(&source.kind), line(name)),
        _ => line(&source.kind),
    }
}

/// The same with the kind as `kubectl` abbreviates it, where there is room for little.
pub(crate) fn short_source(at: &SourceState) -> String {
    let kind = match at.kind.as_str() {
        "InferenceService" => "isvc",
        "LLMInferenceService" => "llmisvc",
        "InferencePool" => "infpool",
        "InferenceGraph" => "ig",
        _ => return source(at),
    };
    source(&SourceState { kind: kind.into(), ..at.clone() })
}

/// A length of time in one or two units, rounded down: `340 ms`, `12 s`, `4 min`, `3 h 20 min`, `2 d 5 h`.
pub(crate) fn length(millis: u64) -> String {
    let seconds = Duration::from_millis(millis).as_secs();
    let two = |whole: u64, unit: &str, rest: u64, small: &str| match rest {
        0 => format!("{whole} {unit}"),
        _ => format!("{whole} {unit} {rest} {small}"),
    };
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => two(seconds / 3_600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

/// The time of day in UTC, to the second.
pub(crate) fn clock(at: UnixMillis) -> String {
    let seconds = at.0 / 1_000;
    format!("{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}

/// `1 model`, `2 models`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(line("a\x1b[31mb\r\nc\u{202e}d\u{7}"), "a [31mb c d");
    }

    #[test]
    fn a_cut_text_fits() {
        for (text, most, cut_to) in
            [("llama", 5, "llama"), ("llama-3", 5, "llam…"), ("模型名", 4, "模…"), ("x", 0, ""), ("xy", 1, "…")]
        {
            assert_eq!(cut(text, most), cut_to);
            assert!(width(&cut(text, most)) <= most);
        }
    }

    #[test]
    fn a_wrapped_text_fits_and_loses_nothing() {
        assert_eq!(wrap("how wide is the river", 9), ["how wide", "is the", "river"]);
        assert_eq!(wrap("a 0123456789 b", 4), ["a", "0123", "4567", "89 b"]);
        assert_eq!(wrap("", 4), [""]);
        for most in 1..30 {
            let lines = wrap("the model could not be loaded: 模型名 s3://bucket/a/long/path", most);
            assert!(lines.iter().all(|line| width(line) <= most.max(2)), "{most}: {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), "themodelcouldnotbeloaded:模型名s3://bucket/a/long/path");
        }
    }

    #[test]
    fn lengths_have_at_most_two_units() {
        let shown = [340, 12_900, 240_000, 12_000_000, 190_800_000, 7_200_000].map(length);
        assert_eq!(shown, ["340 ms", "12 s", "4 min", "3 h 20 min", "2 d 5 h", "2 h"]);
    }
}
