//! Chains: the edge's, and those of tenants.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::Compiler;
use super::terms::Seen;
use crate::file::{self, Entry};
use crate::read::{At, Many, nearest};
use crate::report::Mistake;
use crate::settings::{Part, Source, TenantChain, TenantPlace};

/// The parts that come with Weir, in the order in which a chain has them.
pub(crate) const PARTS: [&str; 4] = ["auth", "router", "limiter", "translator"];

/// The four in one component.
pub(crate) const FUSED: &str = "gateway";

/// What a chain lacks without one of them. Without `translator` it is none.
const WITHOUT: [(&str, &str); 3] = [
    ("auth", "nobody asks who is calling"),
    ("router", "nothing says which backend a call goes to"),
    ("limiter", "nothing counts what is used, and no limit holds"),
];

pub(super) fn default_chain() -> Vec<String> {
    PARTS.map(str::to_owned).to_vec()
}

/// Whether an entry is the part of Weir's own of this name.
fn is(at: &At<Entry>, name: &str) -> bool {
    matches!(&at.value, Entry::Word(word) if word == name)
}

impl Compiler<'_> {
    /// What tenants have of their own.
    pub(super) fn tenant_chains(&mut self, tenants: &[file::Tenant], components: &Path) -> Vec<TenantChain> {
        let mut places = HashMap::new();
        let own = tenants.iter().filter(|tenant| tenant.chain.is_some() || tenant.at.is_some());
        own.map(|tenant| TenantChain {
            tenant: tenant.name.value.clone(),
            chain: tenant.chain.as_ref().map(|list| self.chain(Some(list), components, Some(tenant.name.as_str()))),
            at: tenant.at.as_ref().and_then(|at| self.tenant_place(at, &mut places)),
        })
        .collect()
    }

    /// Tells of what tenants have of their own where there is no tier one to be composed.
    pub(super) fn tenants_without_edge(&mut self, tenants: &[file::Tenant]) {
        for tenant in tenants {
            let span = tenant.chain.as_ref().map(|at| &at.span).or(tenant.at.as_ref().map(|at| &at.span));
            if let Some(span) = span {
                let message = "a chain is made of the parts of tier one, and `edge` is missing";
                self.tell(Mistake::new("missing-section", span.clone(), message).help("write `edge: {}` at least"));
            }
        }
    }

    /// The parts, each at its place: ours in their order, the translator last.
    pub(super) fn chain(
        &mut self,
        list: Option<&At<Many<At<Entry>>>>,
        components: &Path,
        tenant: Option<&str>,
    ) -> Vec<Part> {
        let ours = |name: &str| {
            let path = components.join(format!("{name}.wasm"));
            Part { name: name.to_owned(), source: Source::Own { path } }
        };
        let Some(list) = list else {
            return PARTS.iter().map(|name| ours(name)).collect();
        };
        let told = self.mistakes.len();
        let (mut parts, mut seen, mut last) = (Vec::new(), Seen::default(), None);
        for at in list.iter() {
            match &at.value {
                Entry::Word(word) if word == FUSED => parts.push(ours(FUSED)),
                Entry::Word(word) => {
                    let word = At { value: word.clone(), span: at.span.clone() };
                    let Some(rank) = PARTS.iter().position(|part| *part == word.value) else {
                        self.not_ours(&word);
                        continue;
                    };
                    self.unique(&mut seen, &word, "parts");
                    if last.is_some_and(|last| last > rank) {
                        self.out_of_order(&word);
                    }
                    last = last.max(Some(rank));
                    parts.push(ours(PARTS[rank]));
                }
                Entry::Part(part) => parts.extend(self.foreign(part, &at.span, &mut seen, tenant)),
            }
        }
        self.fused_is_alone(list);
        self.completeness_of_chain(list, self.mistakes.len() == told);
        parts
    }

    /// The fused component is all four parts: one of them beside it would be there twice, and somebody else's behind it
    /// would never be reached.
    fn fused_is_alone(&mut self, list: &At<Many<At<Entry>>>) {
        let Some(place) = list.iter().position(|at| is(at, FUSED)) else { return };
        if let Some(at) = list.iter().find(|at| PARTS.iter().any(|name| is(at, name))) {
            let message = "`gateway` is auth, router, limiter and translator in one: this one would be there twice";
            self.tell(Mistake::new("chain", at.span.clone(), message).label("twice").help("leave one of them out"));
        }
        if let Some(at) = list.get(place + 1).filter(|at| !matches!(at.value, Entry::Word(_)) || is(at, FUSED)) {
            let message = "`gateway` calls the backends itself, so nothing behind it would ever be reached";
            self.tell(
                Mistake::new("chain", at.span.clone(), message)
                    .label("never reached")
                    .help("put it before `gateway`; between Weir's parts it can stand in the chain of four"),
            );
        }
    }

    fn out_of_order(&mut self, at: &At<String>) {
        let message = format!("`{}` stands too late in the chain", at.value);
        self.tell(
            Mistake::new("chain", at.span.clone(), message)
                .label("too late")
                .help("the order is auth, router, limiter, translator: each needs what the one before it found out"),
        );
    }

    /// A word that is no part of ours: misspelt, or the path of somebody else's.
    fn not_ours(&mut self, at: &At<String>) {
        if Path::new(at.as_str()).extension().is_some_and(|extension| extension == "wasm") {
            let digest = self.digest_of_file(at).unwrap_or_else(|| "…".into());
            let message = format!("`{}` is no part of Weir's own, and what it may see is not said", at.value);
            self.tell(
                Mistake::new("chain", at.span.clone(), message)
                    .label("a path")
                    .help(format!("write `{{ file: {}, sha256: {digest} }}`", at.value)),
            );
            return;
        }
        let help = match nearest(&at.value, PARTS.into_iter().chain([FUSED])) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "auth, router, limiter and translator are there; another is written as a mapping: \
                     `{ file: PATH, sha256: HEX }`"
                .into(),
        };
        let message = format!("there is no part `{}`", at.value);
        self.tell(Mistake::new("chain", at.span.clone(), message).label("unknown").help(help));
    }

    /// The translator ends every chain: it owns the answer's stream, and with it how a cut stream is told. Without
    /// another of ours a chain works, but does less.
    fn completeness_of_chain(&mut self, list: &At<Many<At<Entry>>>, is_whole: bool) {
        if list.iter().any(|at| is(at, FUSED)) {
            return;
        }
        if !list.last().is_some_and(|at| is(at, "translator")) {
            let place = list.last().map_or(&list.span, |at| &at.span);
            let message = "the chain does not end with `translator`: nothing would send the call on";
            self.tell(
                Mistake::new("chain", place.clone(), message)
                    .label("the last part")
                    .help("add `translator` at the end"),
            );
            return;
        }
        // Where an entry could not be understood, it may well be the one that is missed.
        for (name, lack) in WITHOUT.iter().filter(|_| is_whole) {
            if !list.iter().any(|at| is(at, name)) {
                let message = format!("the chain has no `{name}`: {lack}");
                self.tell(
                    Mistake::new("chain-lacks", list.span.clone(), message)
                        .warning()
                        .label("the chain begins here")
                        .help("the whole chain is `[auth, router, limiter, translator]`"),
                );
            }
        }
    }

    fn tenant_place(
        &mut self,
        at: &At<file::Place>,
        taken: &mut HashMap<TenantPlace, Range<usize>>,
    ) -> Option<TenantPlace> {
        let (place, span) = match (at.path.as_ref(), at.host.as_ref()) {
            (Some(path), None) => (TenantPlace::Path(self.tenant_path(path)?), &path.span),
            (None, Some(host)) => (TenantPlace::Host(self.tenant_host(host)?), &host.span),
            _ => {
                let message = "a tenant's place is exactly one of `path` and `host`";
                self.tell(
                    Mistake::new("place", at.span.clone(), message)
                        .help("write `{ path: /research }` or `{ host: research.example.com }`"),
                );
                return None;
            }
        };
        if let Some(first) = taken.insert(place.clone(), span.clone()) {
            self.tell(
                Mistake::new("place", span.clone(), "two tenants have the same place: whose call would it be?")
                    .label("the second")
                    .other(first, "the first")
                    .help("give one of them another place"),
            );
        }
        Some(place)
    }

    fn tenant_path(&mut self, at: &At<String>) -> Option<String> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
        let path = at.trim_end_matches('/');
        let plain = at.starts_with('/') && at.chars().all(good) && !at.contains("//");
        if plain && path.split('/').all(|segment| !matches!(segment, "." | "..")) {
            return Some(if path.is_empty() { "/".into() } else { path.to_owned() });
        }
        let message = format!("`{}` is no path that a route can have", at.value);
        self.tell(
            Mistake::new("place", at.span.clone(), message)
                .label("not a path")
                .help("write it as `/research`: letters, digits, `-`, `_`, `.` and `~`, without wildcards"),
        );
        None
    }

    fn tenant_host(&mut self, at: &At<String>) -> Option<String> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let label =
            |label: &str| !label.is_empty() && label.len() <= 63 && label.chars().all(good) && !label.starts_with('-');
        if at.len() <= 253 && at.split('.').all(label) {
            return Some(at.to_ascii_lowercase());
        }
        let message = format!("`{}` is no host's name", at.value);
        self.tell(
            Mistake::new("place", at.span.clone(), message)
                .label("not a name")
                .help("write the name alone, such as `research.example.com`: no scheme, port or path"),
        );
        None
    }
}
