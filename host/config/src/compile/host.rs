//! Tier two.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use weir_core::Pattern;
use weir_core::config::KeyHash;

use super::Compiler;
use super::terms::Seen;
use crate::file::{self, File};
use crate::read::At;
use crate::report::Mistake;
use crate::secrets::reason;
use crate::settings::{EdgeIdentity, FlowSettings, HealthSettings, HostSettings};

impl Compiler<'_> {
    pub(super) fn host(&mut self, file: &File) -> Option<HostSettings> {
        let section = file.host.as_ref()?;
        let host = &section.value;
        let settings = HostSettings {
            name: self.name(&host.name, "tier two"),
            listen: self.address(host.listen.as_ref(), SocketAddr::from((Ipv4Addr::LOCALHOST, 3100))),
            control: self.address(host.control.as_ref(), SocketAddr::from((Ipv4Addr::LOCALHOST, 3200))),
            tls: host.tls.as_ref().map(|tls| self.tls(tls)),
            edges: self.edges(host),
            models: self.hosted_models(host),
            kubernetes: host.kubernetes.as_ref().map(|section| self.kubernetes(section)),
            heartbeat: self.duration(host.heartbeat.as_ref(), Duration::from_secs(15)),
            health: self.health(host.health.as_ref()),
            flow: self.flow(host.flow.as_ref()),
            hedge: host.hedge.as_ref().map(|section| self.hedge(section)),
            connections: self.connections(host.connections.as_ref()),
            admin: host.admin_key.as_ref().and_then(|key| self.admin_key(key)),
        };
        self.control_in_the_clear(host, &settings);
        self.registered(file, host);
        Some(settings)
    }

    fn admin_key(&mut self, at: &At<file::Secret>) -> Option<KeyHash> {
        let (hash, reference) = self.compared_secret(at)?;
        self.admin_key = reference;
        Some(hash)
    }

    /// Quotas and the console are not to be seen by a network.
    fn control_in_the_clear(&mut self, host: &file::Host, settings: &HostSettings) {
        if settings.tls.is_some() {
            return;
        }
        if let Some(at) = host.control.as_ref().filter(|_| !settings.control.ip().is_loopback()) {
            self.tell(
                Mistake::new(
                    "in-the-clear",
                    at.span.clone(),
                    "the control plane would listen to a network in the clear",
                )
                .label("not this machine alone")
                .help("write `tls: { cert: PATH, key: PATH }`, or listen at `127.0.0.1:3200`"),
            );
        }
        if let Some(at) = host.listen.as_ref().filter(|_| !settings.listen.ip().is_loopback()) {
            self.tell(
                Mistake::new("in-the-clear", at.span.clone(), "prompts and answers go over the network in the clear")
                    .warning()
                    .label("not this machine alone")
                    .help("write `tls: { cert: PATH, key: PATH }`, unless the network itself is encrypted"),
            );
        }
    }

    /// The edge of the same file should get in.
    fn registered(&mut self, file: &File, host: &file::Host) {
        let Some(edge) = file.edge.as_ref().filter(|edge| edge.key.is_some()) else {
            return;
        };
        let name = edge.name.as_ref().map_or("edge", |name| name.as_str());
        if !host.edges.is_empty() && host.edges.iter().all(|known| known.name.value != name) {
            let place = edge.name.as_ref().map_or(&edge.span, |name| &name.span);
            let message = format!("the host of this file does not know the edge `{name}`: its calls will be refused");
            self.tell(
                Mistake::new("unregistered", place.clone(), message)
                    .warning()
                    .help("add it to `host.edges`, with its public key"),
            );
        }
    }

    fn edges(&mut self, host: &file::Host) -> Vec<EdgeIdentity> {
        if host.edges.is_empty() {
            self.tell(
                Mistake::new("no-edge", host.name.span.clone(), "a host without `edges` lets nobody in")
                    .label("this host")
                    .help("write `edges:` with a name and a public key: `- { name: edge, public_key: { file: edge.pub } }`"),
            );
        }
        let mut names = Seen::default();
        host.edges
            .iter()
            .filter_map(|edge| {
                let name = self.name(&edge.name, "edge");
                self.unique(&mut names, &edge.name, "edges");
                let tenants = match edge.tenants.as_ref() {
                    Some(list) => list.iter().map(|at| Pattern::new(at.value.clone())).collect(),
                    None => vec![Pattern::new("*")],
                };
                Some(EdgeIdentity { name, public_key: self.public_key(&edge.public_key)?, tenants })
            })
            .collect()
    }

    /// The key, or `None` if it is wrong or still to be made.
    fn public_key(&mut self, at: &At<file::PublicKey>) -> Option<String> {
        let text = match (at.file.as_ref(), at.hex.as_ref()) {
            (None, Some(hex)) => hex.value.clone(),
            (Some(file), None) => self.public_key_file(file)?,
            (None, None) => {
                let message = "nothing says what the public key is";
                self.tell(
                    Mistake::new("no-public-key", at.span.clone(), message)
                        .help("write `{ file: PATH }` or `{ hex: DIGITS }`"),
                );
                return None;
            }
            _ => {
                let message = "exactly one of `file` and `hex` says what the public key is";
                self.tell(Mistake::new("public-key", at.span.clone(), message));
                return None;
            }
        };
        let mut bytes = [0; 32];
        if hex::decode_to_slice(text.trim(), &mut bytes).is_err() || VerifyingKey::from_bytes(&bytes).is_err() {
            let message = "not an Ed25519 public key: 64 hexadecimal digits are expected";
            self.tell(
                Mistake::new("public-key", at.span.clone(), message)
                    .help("`weir key edge FILE` writes it beside the key, into a file that ends in `.pub`"),
            );
            return None;
        }
        Some(hex::encode(bytes))
    }

    fn public_key_file(&mut self, file: &At<String>) -> Option<String> {
        let path = self.path(&file.value);
        match self.world.read(&path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(_) if self.is_pending_public_key(&path) => None,
            Err(error) => {
                let message = format!("`{}` cannot be read: {}", path.display(), reason(&error));
                self.tell(
                    Mistake::new("public-key", file.span.clone(), message)
                        .help("`weir key edge FILE` writes it beside the key, into a file that ends in `.pub`"),
                );
                None
            }
        }
    }

    fn health(&mut self, watching: Option<&At<file::Watching>>) -> Option<HealthSettings> {
        let standard = HealthSettings::default();
        let file = match watching.map(|at| (&at.value, at)) {
            None => return Some(standard),
            Some((file::Watching::Word(word), _)) if word == "off" => return None,
            Some((file::Watching::Word(word), at)) => {
                let message = format!("`{word}` cannot stand here");
                self.tell(
                    Mistake::new("unknown-word", at.span.clone(), message)
                        .label("`off`, or a mapping")
                        .help("write `off`, or `{ every: 2s, path: /health, timeout: 1s }`"),
                );
                return None;
            }
            Some((file::Watching::Health(file), _)) => file,
        };
        let path = file.path.as_ref();
        if let Some(at) = path
            && (!at.starts_with('/') || at.contains(char::is_whitespace))
        {
            let message = "a path begins with `/`, and has no white space";
            self.tell(Mistake::new("url", at.span.clone(), message).help(format!("write `/{}`", at.trim())));
        }
        Some(HealthSettings {
            every: self.duration(file.every.as_ref(), standard.every),
            path: path.map_or(standard.path, |at| at.value.clone()),
            timeout: self.duration(file.timeout.as_ref(), standard.timeout),
        })
    }

    fn flow(&mut self, flow: Option<&file::Flow>) -> FlowSettings {
        let standard = FlowSettings::default();
        let Some(file) = flow else {
            return standard;
        };
        FlowSettings {
            queue: self.number(file.queue.as_ref(), standard.queue, 0..=1_000_000),
            wait: self.duration(file.wait.as_ref(), standard.wait),
        }
    }
}
