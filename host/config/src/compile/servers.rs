//! The models that the file itself lists for tier two, and their servers.

use std::collections::HashSet;
use std::sync::Arc;

use super::Compiler;
use super::place::{Place, Reach};
use super::terms::Seen;
use crate::file;
use crate::read::At;
use crate::report::Mistake;
use crate::secrets::{Form, reason};
use crate::settings::{HostedModel, ModelServer, ServerTrust};

impl Compiler<'_> {
    pub(super) fn hosted_models(&mut self, host: &file::Host) -> Vec<HostedModel> {
        if host.models.is_empty() && host.kubernetes.is_none() {
            let message = "a host without `models` has nothing to serve";
            self.tell(Mistake::new("no-model", host.name.span.clone(), message).label("this host").help(
                "write `models:` with a name and endpoints: `- { name: sim, endpoints: [] }`; or `kubernetes: {}`, to \
                 serve what KServe serves in this cluster",
            ));
        }
        let mut names = Seen::default();
        host.models
            .iter()
            .map(|model| {
                for name in std::iter::once(&model.name).chain(model.aliases.iter()) {
                    self.unique(&mut names, name, "models");
                    self.exact_model(name);
                }
                HostedModel {
                    name: model.name.value.clone(),
                    aliases: model.aliases.iter().map(|alias| alias.value.clone()).collect(),
                    endpoints: self.servers(model),
                }
            })
            .collect()
    }

    fn exact_model(&mut self, at: &At<String>) {
        if at.contains('*') {
            let message = "a model is served by its name: `*` cannot stand here";
            self.tell(Mistake::new("pattern", at.span.clone(), message).help("patterns are for `models` of tier one"));
        } else {
            self.model_pattern(at);
        }
    }

    fn servers(&mut self, model: &file::HostModel) -> Vec<ModelServer> {
        let mut urls = HashSet::new();
        let mut servers = Vec::new();
        for (number, endpoint) in model.endpoints.iter().enumerate() {
            let max_in_flight = self.number(endpoint.max_in_flight.as_ref(), 256, 1..=100_000);
            let secret = format!("endpoint-{}-{number}-key", model.name.value);
            let key = endpoint.key.as_ref().and_then(|key| self.sent_secret(key, secret, Form::Header));
            let trust = self.server_trust(endpoint);
            let grpc = endpoint.grpc.as_ref().and_then(|at| Some(self.origin(at)?.origin));
            if let Some(at) = endpoint.host.as_ref() {
                self.host_name(at);
            }
            let Some(place) = self.place(&endpoint.url, "/v1") else {
                continue;
            };
            if !urls.insert((place.origin.clone(), place.base_path.clone())) {
                let message = "this server stands here twice: it would get twice its share";
                self.tell(
                    Mistake::new("duplicate-name", endpoint.url.span.clone(), message)
                        .help("raise `max_in_flight` instead"),
                );
            }
            self.key_in_the_clear(endpoint, &place);
            self.without_effect(endpoint, &place);
            servers.push(ModelServer {
                max_in_flight,
                key,
                trust,
                host: endpoint.host.as_ref().map(|at| at.value.clone()),
                h2c: endpoint.http2.as_ref().is_some_and(|at| at.value) && !place.origin.is_tls(),
                grpc,
                origin: place.origin,
                base_path: place.base_path,
            });
        }
        servers
    }

    fn key_in_the_clear(&mut self, endpoint: &file::Endpoint, place: &Place) {
        if endpoint.key.is_some() && !place.origin.is_tls() && place.reach == Reach::Public {
            let message = "the key would go over the internet in the clear";
            self.tell(
                Mistake::new("in-the-clear", endpoint.url.span.clone(), message).label("http").help("write `https://`"),
            );
        }
    }

    /// What is said of certificates means nothing where none is shown, and the other way round.
    fn without_effect(&mut self, endpoint: &file::Endpoint, place: &Place) {
        if let Some(at) = endpoint.ca.as_ref().filter(|_| !place.origin.is_tls()) {
            let message = "`ca` says whose certificates are trusted, and this server is called without TLS";
            self.tell(
                Mistake::new("no-effect", at.span.clone(), message)
                    .label("of no use")
                    .other(endpoint.url.span.clone(), "http")
                    .help("write `https://`, or delete `ca`"),
            );
        }
        if let Some(at) = endpoint.http2.as_ref().filter(|at| at.value && place.origin.is_tls()) {
            let message = "over TLS, client and server find out by themselves whether they speak HTTP/2";
            self.tell(
                Mistake::new("no-effect", at.span.clone(), message).warning().label("of no effect").help("delete it"),
            );
        }
    }

    fn server_trust(&mut self, endpoint: &file::Endpoint) -> Option<ServerTrust> {
        if let Some(at) = endpoint.server_name.as_ref() {
            self.host_name(at);
        }
        let Some(ca) = endpoint.ca.as_ref() else {
            if let Some(at) = endpoint.server_name.as_ref() {
                let message = "a certificate of another name is taken only from authorities that are named, too";
                self.tell(
                    Mistake::new("missing-key", at.span.clone(), message)
                        .label("needs `ca`")
                        .help("write `ca:` with the PEM file of the authorities beside it"),
                );
            }
            return None;
        };
        Some(ServerTrust {
            pem: self.authorities(ca)?,
            server_name: endpoint.server_name.as_ref().map(|at| at.value.clone()),
        })
    }

    /// The certificates in a PEM file.
    pub(super) fn authorities(&mut self, at: &At<String>) -> Option<Arc<[u8]>> {
        let path = self.path(&at.value);
        let fault = match self.world.read(&path) {
            Ok(pem) if pem.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE) => return Some(pem.into()),
            Ok(_) => format!("`{}` holds no certificate", path.display()),
            Err(error) => format!("`{}` cannot be read: {}", path.display(), reason(&error)),
        };
        self.tell(
            Mistake::new("tls", at.span.clone(), fault)
                .help("the path of a PEM file is wanted here, with the certificates of the authorities in it"),
        );
        None
    }

    /// A host without a port, as it stands in certificates and routes.
    fn host_name(&mut self, at: &At<String>) {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if at.is_empty() || at.len() > 253 || !at.chars().all(good) {
            let message = format!("`{}` is no name of a host", at.value);
            self.tell(
                Mistake::new("name", at.span.clone(), message)
                    .label("not a host")
                    .help("write the name alone, such as `llama.models.example.com`: no scheme, no port, no path"),
            );
        }
    }
}

/// What a PEM file with a certificate holds.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
