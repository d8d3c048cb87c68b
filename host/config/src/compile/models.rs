//! Which model is where.

use std::collections::BTreeMap;
use std::ops::Range;

use weir_core::Pattern;
use weir_core::config::{Route, Target};
use weir_core::plan;

use super::Compiler;
use crate::file::{self, File};
use crate::read::{At, Many};
use crate::report::Mistake;

/// The most tokens of an answer, where the file does not say.
const MAX_OUTPUT_TOKENS: u64 = 4_096;

impl Compiler<'_> {
    pub(super) fn models(&mut self, file: &File) -> Vec<Route> {
        let mut routes: Vec<(Route, Range<usize>)> = Vec::new();
        for model in file.models.iter() {
            let Some((models, span)) = self.route_models(model) else {
                continue;
            };
            for tenant in model.tenants.iter() {
                self.known(tenant, "tenant", file.tenants.iter().map(|tenant| tenant.name.as_str()));
            }
            let route = Route {
                models,
                tenants: model.tenants.iter().map(|tenant| tenant.value.clone()).collect(),
                path: model.path.as_ref().and_then(|path| self.route_path(path)),
                headers: self.route_headers(model),
                targets: self.targets(file, &model.targets),
                on_unsupported: match *model.on_unsupported {
                    Some(file::OnUnsupported::Drop) => plan::OnUnsupported::Drop,
                    Some(file::OnUnsupported::Reject) | None => plan::OnUnsupported::Reject,
                },
                max_output_tokens: self.max_output_tokens(model),
            };
            self.reachable(&route, &span, &routes);
            routes.push((route, span));
        }
        routes.into_iter().map(|(route, _)| route).collect()
    }

    /// The patterns of `name` or `names`, and their place.
    fn route_models(&mut self, model: &file::Model) -> Option<(Vec<Pattern>, Range<usize>)> {
        match (model.name.as_ref(), model.names.as_ref()) {
            (Some(name), None) => Some((vec![self.model_pattern(name)?], name.span.clone())),
            (None, Some(names)) if !names.is_empty() => {
                let patterns = names.iter().filter_map(|name| self.model_pattern(name)).collect();
                Some((patterns, names.span.clone()))
            }
            (name, names) => {
                let span =
                    names.map(|names| &names.span).or(name.map(|name| &name.span)).unwrap_or(&model.targets.span);
                self.tell(
                    Mistake::new("missing-key", span.clone(), "a model has either `name` or `names`")
                        .help("write `name: gpt-4o`, or `names: [gpt-4o, \"gpt-4*\"]`"),
                );
                None
            }
        }
    }

    fn route_path(&mut self, at: &At<String>) -> Option<Pattern> {
        if !at.starts_with(['/', '*']) || at.contains(['?', '#']) || at.chars().any(char::is_whitespace) {
            let message = "a path begins with `/`, and has neither query nor white space";
            self.tell(Mistake::new("pattern", at.span.clone(), message).help("write it as `/v1/chat/*`"));
            return None;
        }
        Some(Pattern::new(at.value.clone()))
    }

    fn route_headers(&mut self, model: &file::Model) -> BTreeMap<String, Pattern> {
        let mut headers = BTreeMap::new();
        for (name, pattern) in model.headers.iter() {
            let lower = name.to_lowercase();
            if http::HeaderName::from_bytes(lower.as_bytes()).is_err() {
                let message = format!("`{}` is no name of a header", name.value);
                self.tell(Mistake::new("header", name.span.clone(), message));
            } else if lower.starts_with("x-weir-") {
                let message = "headers of Weir's own are taken away from what clients send: this would never match";
                self.tell(Mistake::new("header", name.span.clone(), message).help("choose another header"));
            } else if headers.insert(lower, Pattern::new(pattern.value.clone())).is_some() {
                let message = format!("the header `{}` stands here twice: case does not count", name.value);
                self.tell(Mistake::new("header", name.span.clone(), message));
            }
        }
        headers
    }

    fn targets(&mut self, file: &File, targets: &At<Many<file::Target>>) -> Vec<Target> {
        if targets.is_empty() {
            let message = "without a target, calls for this model go nowhere";
            self.tell(Mistake::new("empty-list", targets.span.clone(), message).help("write `- { backend: NAME }`"));
        }
        let compiled: Vec<Target> = targets.iter().map(|target| self.target(file, target)).collect();
        if !compiled.is_empty() && compiled.iter().all(|target| target.weight == 0) {
            let span = targets.iter().find_map(|target| target.weight.as_ref()).map_or(&targets.span, |at| &at.span);
            self.tell(
                Mistake::new("weight", span.clone(), "all targets have weight 0: none of them would ever be the first")
                    .label("0, as all the others")
                    .help("give one of them a weight of 1"),
            );
        }
        compiled
    }

    fn target(&mut self, file: &File, target: &file::Target) -> Target {
        self.known(&target.backend, "backend", file.backends.iter().map(|(name, _)| name.as_str()));
        let model = target.model.as_ref();
        if let Some(at) = model
            && at.contains('*')
        {
            let message = "a backend is asked for one model: `*` cannot stand here";
            self.tell(
                Mistake::new("pattern", at.span.clone(), message)
                    .help("leave `model` out to hand on the caller's name"),
            );
        } else if let Some(at) = model {
            self.model_pattern(at);
        }
        Target {
            backend: target.backend.value.clone(),
            model: model.map(|model| model.value.clone()),
            weight: self.number(target.weight.as_ref(), 1, 0..=10_000),
            priority: self.number(target.priority.as_ref(), 0, 0..=100),
        }
    }

    fn max_output_tokens(&mut self, model: &file::Model) -> u64 {
        let Some(at) = model.max_output_tokens.as_ref() else {
            return MAX_OUTPUT_TOKENS;
        };
        if !(1..=10_000_000).contains(&at.value) {
            let message = format!("{} is out of range", at.value);
            self.tell(Mistake::new("wrong-value", at.span.clone(), message).label("1 to 10000000"));
        }
        at.value
    }

    /// Tells of a model that an earlier entry takes all the calls of.
    fn reachable(&mut self, route: &Route, span: &Range<usize>, earlier: &[(Route, Range<usize>)]) {
        let Some((first, first_span)) = earlier.iter().find(|(first, _)| covers(first, route)) else {
            return;
        };
        let same = first.models == route.models;
        let what = route.models.iter().map(|model| format!("`{}`", model.as_str())).collect::<Vec<_>>().join(", ");
        let (first_span, mistake) = if same {
            let message = format!("{what} is defined twice, for the same calls");
            (first_span.clone(), Mistake::new("duplicate-name", span.clone(), message).label("never reached"))
        } else {
            let message = format!("{what} is never reached: an earlier entry takes all its calls");
            (first_span.clone(), Mistake::new("shadowed", span.clone(), message).warning().label("never reached"))
        };
        self.tell(mistake.other(first_span, "takes them all").help(if same {
            "put the targets of both under one entry"
        } else {
            "move the narrower entry before the wider one"
        }));
    }
}

/// Whether every call that `later` is for goes to `earlier`.
fn covers(earlier: &Route, later: &Route) -> bool {
    // A pattern that matches another's text, star and all, matches all that the other does: only a star matches a star.
    let wider = |wide: &Pattern, narrow: &Pattern| wide.matches(narrow.as_str());
    let models = later.models.iter().all(|narrow| earlier.models.iter().any(|wide| wider(wide, narrow)));
    let tenants = earlier.tenants.is_empty()
        || (!later.tenants.is_empty() && later.tenants.iter().all(|tenant| earlier.tenants.contains(tenant)));
    let path = match (&earlier.path, &later.path) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => wider(wide, narrow),
        (Some(_), None) => false,
    };
    let headers =
        earlier.headers.iter().all(|(name, wide)| later.headers.get(name).is_some_and(|narrow| wider(wide, narrow)));
    models && tenants && path && headers
}
