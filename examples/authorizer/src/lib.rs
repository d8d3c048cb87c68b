//! Lets a request pass when one of its rules does, and answers 403 otherwise. Stands between `auth` and `router`.

mod bindings;
mod refusal;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, ops::Range, sync::OnceLock, time::SystemTime};

use bindings::wasi::http::types::{ErrorCode, Request, Response};
use serde_json::Value;

/// What `settings:` of this part says in `weir.yaml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// A request passes when one of these lets it pass.
    allow: Vec<Rule>,
    /// Whom a refused caller may ask.
    contact: String,
}

/// Lets pass whom it names, to the paths it names, at the hours it names. What it leaves out does not matter.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// Members of the principal, such as `{ key: ci }`.
    #[serde(default)]
    who: BTreeMap<String, String>,
    /// Claims of the caller's token, such as `{ team: search }`.
    #[serde(default)]
    claims: BTreeMap<String, String>,
    paths: Option<Vec<String>>,
    /// Hours of the day in UTC, such as `{ start: 6, end: 20 }`; the last one not included.
    hours: Option<Range<u64>>,
}

impl Rule {
    fn lets_pass(&self, principal: &Value, path: &str, hour: u64) -> bool {
        let fits = |wanted: &BTreeMap<_, _>, found: &Value| {
            wanted.iter().all(|(name, value): (&String, &String)| found[name] == *value)
        };
        fits(&self.who, principal)
            && fits(&self.claims, &principal["claims"])
            && self.paths.as_ref().is_none_or(|paths| paths.iter().any(|one| one == path))
            && self.hours.as_ref().is_none_or(|hours| hours.contains(&hour))
    }
}

struct Authorizer;
bindings::export!(Authorizer with_types_in bindings);

impl bindings::exports::wasi::http::handler::Guest for Authorizer {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let settings = match settings().await {
            Ok(settings) => settings,
            Err(fault) => return Ok(refusal::misconfigured(&fault)),
        };
        // Weir's `auth` wrote who calls; what a caller writes there never gets this far.
        let principal = request.get_headers().get("x-weir-principal").concat();
        let principal: Value = serde_json::from_slice(&principal).unwrap_or_default();
        let target = request.get_path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let hour = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs() / 3600 % 24);
        if settings.allow.iter().any(|rule| rule.lets_pass(&principal, path, hour)) {
            // The request goes on, and the answer comes back, by handle: no byte of them passes through here.
            return bindings::wasi::http::handler::handle(request).await;
        }
        let who = principal["user"].as_str().or(principal["key"].as_str()).unwrap_or("nobody");
        Ok(refusal::not_allowed(&format!("{who} may not use {path} at {hour}:00 UTC; ask {}", settings.contact)))
    }
}

/// The settings, parsed once an instance.
async fn settings() -> Result<&'static Settings, String> {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings);
    }
    let text = bindings::weir::gateway::settings::config().await.map_err(|error| error.to_string())?;
    let settings = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    // Two requests may have come at once: the first one's stay.
    Ok(SETTINGS.get_or_init(|| settings))
}
