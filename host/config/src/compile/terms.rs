//! The small things that stand in many places: names, patterns, numbers, sizes, lengths of time.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use weir_core::Pattern;

use super::Compiler;
use crate::file::{DurationText, SizeText};
use crate::quantity;
use crate::read::{At, Many, nearest};
use crate::report::Mistake;

/// The longest name of anything but a model, in bytes.
const MAX_NAME: usize = 64;
/// The longest name of a model, in bytes.
const MAX_MODEL: usize = 256;

/// Names that have been seen, and where.
#[derive(Default)]
pub(super) struct Seen(HashMap<String, Range<usize>>);

impl Compiler<'_> {
    /// A name that goes into logs, headers and metrics.
    pub(super) fn name(&mut self, at: &At<String>, what: &str) -> String {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fault = if at.is_empty() {
            Some("it is empty".to_owned())
        } else if at.len() > MAX_NAME {
            Some(format!("it has {} characters; {MAX_NAME} are allowed", at.len()))
        } else {
            at.chars().find(|c| !good(*c)).map(|c| format!("{c:?} cannot stand in it"))
        };
        if let Some(fault) = fault {
            self.tell(
                Mistake::new("name", at.span.clone(), format!("not a name for a {what}: {fault}"))
                    .label("not a name")
                    .help("letters, digits, `.`, `_` and `-` make a name"),
            );
        }
        at.value.clone()
    }

    /// Tells of a name that has been used before.
    pub(super) fn unique(&mut self, seen: &mut Seen, at: &At<String>, what: &str) {
        if let Some(first) = seen.0.insert(at.value.clone(), at.span.clone()) {
            self.tell(
                Mistake::new(
                    "duplicate-name",
                    at.span.clone(),
                    format!("there are two {what} by the name of `{}`", at.value),
                )
                .label("the second")
                .other(first, "the first")
                .help("give one of them another name"),
            );
        }
    }

    /// Patterns for models, all models where there are none.
    pub(super) fn model_patterns(&mut self, list: Option<&At<Many<At<String>>>>) -> Vec<Pattern> {
        let Some(list) = list else {
            return vec![Pattern::new("*")];
        };
        if list.is_empty() {
            self.tell(
                Mistake::new("empty-list", list.span.clone(), "an empty list allows no model at all")
                    .label("empty")
                    .help("leave the key out to allow all models"),
            );
        }
        list.iter().filter_map(|at| self.model_pattern(at)).collect()
    }

    /// A model's name, or a pattern for such names.
    pub(super) fn model_pattern(&mut self, at: &At<String>) -> Option<Pattern> {
        let fault = if at.is_empty() {
            "it is empty".to_owned()
        } else if at.len() > MAX_MODEL {
            format!("it has {} bytes; {MAX_MODEL} are allowed", at.len())
        } else if let Some(c) = at.chars().find(|c| c.is_whitespace() || c.is_control()) {
            format!("{c:?} cannot stand in the name of a model")
        } else if at.contains("**") {
            "`**` means no more than `*`".to_owned()
        } else {
            return Some(Pattern::new(at.value.clone()));
        };
        self.tell(
            Mistake::new("pattern", at.span.clone(), format!("not a model's name or pattern: {fault}"))
                .label("not a pattern")
                .help("write one name, or a name with `*` for any run of characters; several go in a list"),
        );
        None
    }

    /// Patterns for names that are defined in this file: one without `*` must be among them. A file that defines none of
    /// the kind, as that of a tier two alone, refers to those of another file.
    pub(super) fn known_patterns<'n>(
        &mut self,
        list: &[At<String>],
        what: &str,
        known: &(impl Iterator<Item = &'n str> + Clone),
    ) -> Vec<Pattern> {
        list.iter()
            .map(|at| {
                if !at.contains('*') && known.clone().next().is_some() {
                    self.known(at, what, known.clone());
                }
                Pattern::new(at.value.clone())
            })
            .collect()
    }

    /// Tells of a name that is not defined in this file.
    pub(super) fn known<'n>(&mut self, at: &At<String>, what: &str, known: impl Iterator<Item = &'n str> + Clone) {
        if known.clone().any(|name| name == at.value) {
            return;
        }
        let mistake = Mistake::new("unknown-name", at.span.clone(), format!("there is no {what} `{}`", at.value))
            .label(format!("no such {what}"));
        let names: Vec<_> = known.clone().map(|name| format!("`{name}`")).collect();
        self.tell(match nearest(&at.value, known) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None if names.is_empty() => mistake,
            None => mistake.help(format!("defined in this file: {}", names.join(", "))),
        });
    }

    /// A number within a range; the default where it is left out.
    pub(super) fn number(&mut self, at: Option<&At<u32>>, default: u32, range: RangeInclusive<u32>) -> u32 {
        let Some(at) = at else {
            return default;
        };
        if !range.contains(&at.value) {
            let (low, high) = (range.start(), range.end());
            self.tell(
                Mistake::new("wrong-value", at.span.clone(), format!("{} is out of range", at.value))
                    .label(format!("{low} to {high}")),
            );
        }
        at.value
    }

    /// A size in bytes, more than none; the default where it is left out.
    pub(super) fn size(&mut self, at: Option<&At<SizeText>>, default: usize) -> usize {
        let Some(at) = at else {
            return default;
        };
        match quantity::size(&at.value.0).map(usize::try_from) {
            Ok(Ok(bytes)) if bytes > 0 => bytes,
            Ok(_) => {
                self.tell(Mistake::new("size", at.span.clone(), "a size of nothing lets nothing through"));
                default
            }
            Err(help) => {
                let message = format!("`{}` is no size", at.value.0);
                self.tell(Mistake::new("size", at.span.clone(), message).label("not a size").help(help));
                default
            }
        }
    }

    /// A length of time, more than none; the default where it is left out.
    pub(super) fn duration(&mut self, at: Option<&At<DurationText>>, default: Duration) -> Duration {
        let Some(at) = at else {
            return default;
        };
        match quantity::duration(&at.value.0) {
            Ok(length) if !length.is_zero() => length,
            Ok(_) => {
                let message = "no time at all: this would end everything before it begins";
                self.tell(Mistake::new("duration", at.span.clone(), message));
                default
            }
            Err(help) => {
                let message = format!("`{}` is no length of time", at.value.0);
                self.tell(Mistake::new("duration", at.span.clone(), message).label("not a length of time").help(help));
                default
            }
        }
    }
}
