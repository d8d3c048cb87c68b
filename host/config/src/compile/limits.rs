//! How much may be used.

use weir_core::Pattern;
use weir_core::config::{Limit, LimitFilter, LimitUnit, Per, Window};

use super::Compiler;
use super::terms::Seen;
use crate::file::{self, Every, File};
use crate::read::{At, nearest};
use crate::report::Mistake;

const PER: [&str; 6] = ["tenant", "key", "user", "model", "backend", "claim:"];

impl Compiler<'_> {
    pub(super) fn limits(&mut self, file: &File) -> Vec<Limit> {
        let mut names = Seen::default();
        if let (Some(first), None, None) = (file.limits.first(), file.control.as_ref(), file.host.as_ref()) {
            let message = "without `control`, each instance keeps its own count: limits are kept only roughly";
            self.tell(
                Mistake::new("local-limits", first.name.span.clone(), message)
                    .warning()
                    .label("this and all other limits")
                    .help("write `control: { urls: [\"http://127.0.0.1:3200\"] }` to keep them exactly"),
            );
        }
        file.limits
            .iter()
            .filter_map(|limit| {
                let name = self.name(&limit.name, "limit");
                self.unique(&mut names, &limit.name, "limits");
                let per = self.per(&limit.per);
                let amount = self.amount(limit);
                let filter = self.filter(file, limit, per.as_ref());
                let (unit, amount) = amount?;
                Some(Limit { name, per: per?, unit, amount, window: window(limit.every), filter })
            })
            .collect()
    }

    fn per(&mut self, at: &At<String>) -> Option<Per> {
        Some(match at.as_str() {
            "tenant" => Per::Tenant,
            "key" => Per::Key,
            "user" => Per::User,
            "model" => Per::Model,
            "backend" => Per::Backend,
            word => match word.strip_prefix("claim:").map(str::trim).filter(|claim| !claim.is_empty()) {
                Some(claim) => Per::Claim(claim.to_owned()),
                None => {
                    let help = match nearest(word, PER) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "write `tenant`, `key`, `user`, `model`, `backend` or `claim:NAME`".into(),
                    };
                    let message = format!("nothing is counted per `{word}`");
                    self.tell(Mistake::new("unknown-word", at.span.clone(), message).label("unknown").help(help));
                    return None;
                }
            },
        })
    }

    /// The one unit that is written, and how much of it.
    fn amount(&mut self, limit: &file::Limit) -> Option<(LimitUnit, u64)> {
        let units = [
            (LimitUnit::Requests, limit.requests.as_ref()),
            (LimitUnit::InputTokens, limit.input_tokens.as_ref()),
            (LimitUnit::OutputTokens, limit.output_tokens.as_ref()),
            (LimitUnit::TotalTokens, limit.total_tokens.as_ref()),
        ];
        let mut written = units.into_iter().filter_map(|(unit, at)| Some((unit, at?)));
        let Some((unit, at)) = written.next() else {
            let message = format!("the limit `{}` does not say of what", limit.name.value);
            self.tell(
                Mistake::new("no-unit", limit.name.span.clone(), message)
                    .help("write one of `requests`, `input_tokens`, `output_tokens` and `total_tokens`, with a number"),
            );
            return None;
        };
        if let Some((_, second)) = written.next() {
            self.tell(
                Mistake::new("limit-unit", second.span.clone(), "a limit counts one thing")
                    .label("the second")
                    .other(at.span.clone(), "the first")
                    .help("write a limit for each"),
            );
        }
        if at.value == 0 {
            let message = "a limit of 0 lets nothing through";
            self.tell(
                Mistake::new("zero", at.span.clone(), message)
                    .help("to shut somebody out, take away their key or models"),
            );
        }
        Some((unit, at.value))
    }

    fn filter(&mut self, file: &File, limit: &file::Limit, per: Option<&Per>) -> LimitFilter {
        let tenants = file.tenants.iter().map(|tenant| tenant.name.as_str());
        let keys = file.tenants.iter().flat_map(|tenant| tenant.keys.iter()).map(|key| key.name.as_str());
        let backends = file.backends.iter().map(|(name, _)| name.as_str());
        if let (Some(first), false) = (limit.backends.first(), per.is_none_or(|per| *per == Per::Backend)) {
            let message = "only a limit `per: backend` can be for some backends";
            self.tell(
                Mistake::new("misplaced", first.span.clone(), message)
                    .help("write `per: backend`, or delete `backends`"),
            );
        }
        LimitFilter {
            tenants: self.known_patterns(&limit.tenants, "tenant", &tenants),
            keys: self.known_patterns(&limit.keys, "key", &keys),
            models: limit.models.iter().filter_map(|at| self.model_pattern(at)).collect::<Vec<Pattern>>(),
            backends: self.known_patterns(&limit.backends, "backend", &backends),
        }
    }
}

fn window(every: Every) -> Window {
    match every {
        Every::Second => Window::Second,
        Every::Minute => Window::Minute,
        Every::Hour => Window::Hour,
        Every::Day => Window::Day,
        Every::Month => Window::Month,
    }
}
