//! The model table: which route a request takes, and why it took none of those before.

use http::HeaderMap;
use weir_core::config::Route;
use weir_core::{ErrorKind, GatewayError, Principal};

/// The routes, in the configuration's order: the first that matches decides.
#[derive(Clone, Debug)]
pub struct Table {
    routes: Vec<Route>,
}

/// What a route is looked for with.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Who is calling.
    pub principal: &'a Principal,
    /// The model, as the caller names it.
    pub model: &'a str,
    /// The request's path, as its endpoint is known by: a route for `/v1/…` means Azure's ways to write it, too.
    pub path: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
}

/// Why a route is not for a request: the first reason found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is for other models.
    Model,
    /// It is for other tenants.
    Tenant,
    /// It is for other paths.
    Path,
    /// It wants this header to be something else.
    Header(String),
}

impl Table {
    /// A table of these routes.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self { routes }
    }

    /// The route that a request takes, and its place in the table.
    ///
    /// # Errors
    /// `ModelNotAllowed` where the caller may not use the model, whether or not it exists; `ModelNotFound` where no
    /// route matches, naming only models that this caller may use.
    pub fn find(&self, question: Question<'_>) -> Result<(usize, &Route), GatewayError> {
        let Question { principal, model, .. } = question;
        if !principal.allows(model) {
            let message = format!("this key may not use the model `{model}`; `GET /v1/models` lists those that it may");
            return Err(GatewayError::new(ErrorKind::ModelNotAllowed, message).with_param("model"));
        }
        let mut routes = self.routes.iter().enumerate();
        routes.find(|(_, route)| mismatch(route, question).is_none()).ok_or_else(|| self.not_found(question))
    }

    /// For each route up to the one that is taken: why it is not, or `None` for that one.
    #[must_use]
    pub fn explain(&self, question: Question<'_>) -> Vec<Option<Mismatch>> {
        let mut reasons = Vec::new();
        for route in &self.routes {
            reasons.push(mismatch(route, question));
            if reasons.last().is_some_and(Option::is_none) {
                break;
            }
        }
        reasons
    }

    /// The routes.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    fn not_found(&self, question: Question<'_>) -> GatewayError {
        let Question { model, path, .. } = question;
        let elsewhere = self
            .routes
            .iter()
            .any(|route| matches!(mismatch(route, question), Some(Mismatch::Path | Mismatch::Header(_))));
        let message = if elsewhere {
            format!("the model `{model}` is not served at {path} with these headers")
        } else {
            match self.near(question).as_slice() {
                [] => format!("no model is called `{model}`; `GET /v1/models` lists those that this key may use"),
                near => format!("no model is called `{model}`; did you mean {}?", near.join(" or ")),
            }
        };
        GatewayError::new(ErrorKind::ModelNotFound, message).with_param("model")
    }

    /// The names nearest to the one asked for, at most three, of those that this caller may use.
    fn near(&self, question: Question<'_>) -> Vec<String> {
        const NEAR: f64 = 0.6;
        let Question { principal, model, .. } = question;
        let usable = self
            .routes
            .iter()
            .filter(|route| is_for(route, &principal.tenant))
            .flat_map(|route| &route.models)
            .filter_map(|pattern| pattern.literal())
            .filter(|name| principal.allows(name));
        let wanted = model.to_lowercase();
        // Names of very different length are not near, and comparing them is dear.
        let of_like_length = |name: &&str| name.len().abs_diff(model.len()) * 2 <= name.len().max(model.len());
        let mut scored: Vec<(f64, &str)> = usable
            .filter(of_like_length)
            .map(|name| (strsim::normalized_damerau_levenshtein(&wanted, &name.to_lowercase()), name))
            .filter(|(score, _)| *score >= NEAR)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        scored.dedup_by(|a, b| a.1 == b.1);
        scored.into_iter().take(3).map(|(_, name)| format!("`{name}`")).collect()
    }
}

/// The first reason why `route` is not for this request; `None` where it is.
fn mismatch(route: &Route, question: Question<'_>) -> Option<Mismatch> {
    let Question { principal, model, path, headers } = question;
    if !route.models.iter().any(|pattern| pattern.matches(model)) {
        return Some(Mismatch::Model);
    }
    if !is_for(route, &principal.tenant) {
        return Some(Mismatch::Tenant);
    }
    if route.path.as_ref().is_some_and(|pattern| !pattern.matches(path)) {
        return Some(Mismatch::Path);
    }
    route.headers.iter().find_map(|(name, pattern)| {
        let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        (!values.any(|value| pattern.matches(value))).then(|| Mismatch::Header(name.clone()))
    })
}

fn is_for(route: &Route, tenant: &str) -> bool {
    route.tenants.is_empty() || route.tenants.iter().any(|name| name == tenant)
}
