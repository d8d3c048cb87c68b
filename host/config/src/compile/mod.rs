//! From what was typed to what it means. Whatever cannot be meant is refused here, with the place and a way out.

mod backends;
mod chain;
mod edge;
mod hedge;
mod host;
mod kubernetes;
mod limits;
mod models;
mod part;
mod place;
mod policy;
mod profile;
mod secrets;
mod servers;
mod tenants;
mod terms;

pub use secrets::public_key_path;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_core::Config;
use weir_core::config::Retry;

use crate::file::{self, File};
use crate::keys::Pending;
use crate::read::At;
use crate::report::Mistake;
use crate::secrets::{SecretRef, SecretTable};
use crate::settings::{AccessLog, EdgeSettings, HostSettings, Part};
use crate::world::World;
pub(crate) use chain::{FUSED, PARTS};

/// What a file means.
pub(crate) struct Compiled {
    pub(crate) config: Config,
    pub(crate) edge: Option<EdgeSettings>,
    pub(crate) host: Option<HostSettings>,
    pub(crate) secrets: SecretTable,
    pub(crate) pending: Vec<Pending>,
    pub(crate) client_key: Option<SecretRef>,
    pub(crate) admin_key: Option<SecretRef>,
    pub(crate) access_log: AccessLog,
}

/// Where a file stands, beside its text.
pub(crate) struct Setting<'a> {
    pub(crate) name: &'a str,
    pub(crate) base: &'a Path,
    pub(crate) policy: &'a str,
    pub(crate) shown: Arc<str>,
    pub(crate) world: &'a dyn World,
}

/// Compiles a file. There is a result even if there are mistakes; it must not be used if one of them is an error.
pub(crate) fn compile(file: &File, setting: &Setting<'_>) -> (Compiled, Vec<Mistake>) {
    let mut compiler = Compiler {
        world: setting.world,
        base: setting.base,
        mistakes: Vec::new(),
        secrets: SecretTable::new(setting.name, Arc::clone(&setting.shown)),
        pending: Vec::new(),
        client_key: None,
        admin_key: None,
    };
    let compiled = compiler.file(file, setting.policy);
    let Compiler { mistakes, secrets, pending, client_key, admin_key, .. } = compiler;
    (Compiled { secrets, pending, client_key, admin_key, ..compiled }, mistakes)
}

struct Compiler<'a> {
    world: &'a dyn World,
    base: &'a Path,
    mistakes: Vec<Mistake>,
    secrets: SecretTable,
    pending: Vec<Pending>,
    /// The first key of a tenant of which more than the hash is known.
    client_key: Option<SecretRef>,
    /// The console's key, where more than its hash is known.
    admin_key: Option<SecretRef>,
}

impl Compiler<'_> {
    fn file(&mut self, file: &File, policy: &str) -> Compiled {
        self.completeness(file);
        let tenants = self.tenants(&file.tenants);
        let backends = self.backends(file);
        let routes = self.models(file);
        let limits = self.limits(file);
        let edge = self.edge(file);
        if edge.is_none() {
            self.tenants_without_edge(&file.tenants);
        }
        let control = self.control(file, edge.as_ref());
        let host = self.host(file);
        self.listeners(file, edge.as_ref(), host.as_ref());
        self.variables();
        let edge = edge.map(|edge| edge::with_egress(edge, &backends, control.as_ref()));
        let config = Config {
            version: Config::VERSION,
            policy: policy.to_owned(),
            chain: edge
                .as_ref()
                .map_or_else(chain::default_chain, |edge| edge.chain.iter().flat_map(Part::roles).collect()),
            tenants,
            backends: backends.into_iter().map(|(name, backend)| (name, backend.compiled)).collect(),
            routes,
            limits,
            control,
            retry: self.retry(file),
            sizes: self.sizes(file),
            // `weir edge` says so of itself.
            runtime: weir_core::config::Runtime::Portable,
            base_path: String::new(),
        };
        Compiled {
            config,
            edge: file.edge.is_some().then_some(edge).flatten(),
            host,
            access_log: self.access_log(file),
            secrets: SecretTable::new("", Arc::from("")),
            pending: Vec::new(),
            client_key: None,
            admin_key: None,
        }
    }

    /// Tier one needs tenants, models and backends; a file for tier two alone needs none of them.
    fn completeness(&mut self, file: &File) {
        let parts = [
            ("tenants", file.tenants.is_empty()),
            ("models", file.models.is_empty()),
            ("backends", file.backends.is_empty()),
        ];
        let has_tier_one = file.edge.is_some() || parts.iter().any(|(_, empty)| !empty);
        if !has_tier_one && file.host.is_some() {
            return;
        }
        let missing: Vec<_> = parts.iter().filter(|(_, empty)| *empty).map(|(key, _)| format!("`{key}`")).collect();
        if !missing.is_empty() {
            let place = file.edge.as_ref().map_or(0..0, |edge| edge.span.clone());
            let verb = if missing.len() == 1 { "is" } else { "are" };
            let message =
                format!("{} {verb} missing: tier one needs all of tenants, models and backends", missing.join(", "));
            self.tell(
                Mistake::new("missing-section", place, message)
                    .label("wanted for tier one")
                    .help("examples/quickstart/weir.yaml shows how they are written"),
            );
        }
    }

    fn retry(&mut self, file: &File) -> Retry {
        let standard = Retry::default();
        let Some(retry) = file.retry.as_ref() else {
            return standard;
        };
        Retry {
            attempts: self.number(retry.attempts.as_ref(), standard.attempts, 1..=10),
            percent: self.number(retry.percent.as_ref(), standard.percent, 0..=100),
            per_second: self.number(retry.per_second.as_ref(), standard.per_second, 0..=1_000_000),
        }
    }

    fn sizes(&mut self, file: &File) -> weir_core::Limits {
        let standard = weir_core::Limits::default();
        let Some(sizes) = file.sizes.as_ref() else {
            return standard;
        };
        let depth = u32::try_from(standard.json_depth).unwrap_or(u32::MAX);
        let compiled = weir_core::Limits {
            body_bytes: self.size(sizes.body.as_ref(), standard.body_bytes),
            json_depth: self.number(sizes.json_depth.as_ref(), depth, 1..=512) as usize,
            model_bytes: self.size(sizes.model_name.as_ref(), standard.model_bytes),
            sse_line_bytes: self.size(sizes.stream_line.as_ref(), standard.sse_line_bytes),
            sse_event_bytes: self.size(sizes.stream_event.as_ref(), standard.sse_event_bytes),
            answer_bytes: self.size(sizes.answer.as_ref(), standard.answer_bytes),
            error_bytes: self.size(sizes.error.as_ref(), standard.error_bytes),
            instance_bytes: self.size(sizes.instance.as_ref(), standard.instance_bytes),
        };
        if compiled.instance_bytes < compiled.body_bytes
            && let Some(place) = sizes.instance.as_ref().or(sizes.body.as_ref())
        {
            self.tell(
                Mistake::new(
                    "wrong-value",
                    place.span.clone(),
                    "an instance would have no room for one body of full size",
                )
                .label("`instance` is smaller than `body`")
                .help("make `instance` at least as large as `body`"),
            );
        }
        compiled
    }

    fn access_log(&mut self, file: &File) -> AccessLog {
        let Some(at) = file.log.as_ref().and_then(|log| log.access.as_ref()) else {
            return AccessLog::default();
        };
        match at.as_str() {
            "stdout" => AccessLog::Stdout,
            "none" => AccessLog::Off,
            word if !word.contains(['.', '/', '\\']) => {
                let mistake = Mistake::new("unknown-word", at.span.clone(), format!("`{word}` is no place for a log"))
                    .label("expected `stdout`, `none` or a path");
                let near = crate::read::nearest(word, ["stdout", "none"]);
                self.tell(match near {
                    Some(near) => mistake.help(format!("did you mean `{near}`?")),
                    None => mistake.help(format!("write `./{word}` if it is a file")),
                });
                AccessLog::Off
            }
            path => AccessLog::File(self.path(path)),
        }
    }

    fn tell(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    /// A path of the file, which is relative to the file's folder.
    fn path(&self, text: &str) -> PathBuf {
        self.base.join(text)
    }
}

/// The place of a value that may have been left out, or of the section that it would stand in.
fn place_of<T>(value: Option<&At<T>>, section: &Range<usize>) -> Range<usize> {
    value.map_or_else(|| section.clone(), |at| at.span.clone())
}

/// The host's name, which is the audience wherever none is written.
fn own_audience(file: &File) -> Option<&At<String>> {
    file.host.as_ref().map(|host: &At<file::Host>| &host.name)
}
