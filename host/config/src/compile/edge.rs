//! Tier one, and the control plane that it talks to.

use std::net::{Ipv4Addr, SocketAddr};

use weir_core::Millis;
use weir_core::config::Control;

use super::backends::Backend;
use super::place::Reach;
use super::{Compiler, own_audience, place_of};
use crate::file::{self, File};
use crate::read::At;
use crate::report::Mistake;
use crate::secrets::Form;
use crate::settings::{ConnectionSettings, EdgeSettings, Egress, HostSettings, InstanceSettings, Network, TlsFiles};

/// The name of the secret that holds this edge's signing key.
const EDGE_KEY: &str = "edge-key";

impl Compiler<'_> {
    /// The settings of tier one. Without the section they are the defaults, of which only the chain is used.
    pub(super) fn edge(&mut self, file: &File) -> Option<EdgeSettings> {
        let edge = file.edge.as_ref()?;
        let components = self.path(edge.components.as_ref().map_or("target/components", |at| at.as_str()));
        Some(EdgeSettings {
            name: edge.name.as_ref().map_or_else(|| "edge".into(), |name| self.name(name, "edge")),
            listen: self.address(edge.listen.as_ref(), SocketAddr::from((Ipv4Addr::LOCALHOST, 3000))),
            tls: edge.tls.as_ref().map(|tls| self.tls(tls)),
            chain: self.chain(edge.chain.as_ref(), &components, None),
            tenants: self.tenant_chains(&file.tenants, &components),
            components,
            key: edge.key.as_ref().and_then(|key| self.sent_secret(key, EDGE_KEY.into(), Form::SigningKey)),
            instances: self.instances(edge.instances.as_ref()),
            connections: self.connections(edge.connections.as_ref()),
            cache: self.path(edge.cache.as_ref().map_or(".weir/cache", |at| at.as_str())),
            egress: Vec::new(),
            control_origins: Vec::new(),
        })
    }

    /// Which control plane tier one talks to, and under which name.
    pub(super) fn control(&mut self, file: &File, edge: Option<&EdgeSettings>) -> Option<Control> {
        let control = file.control.as_ref()?;
        let timeout = self.duration(control.timeout.as_ref(), std::time::Duration::from_secs(1));
        if control.urls.is_empty() {
            let message = "without a URL there is no control plane";
            self.tell(
                Mistake::new("empty-list", control.urls.span.clone(), message)
                    .help("write `[\"http://127.0.0.1:3200\"]`"),
            );
        }
        let origins = control.urls.iter().filter_map(|url| self.control_url(url)).collect();
        let audience = control.audience.as_ref().or(own_audience(file));
        if audience.is_none() {
            let message = "`audience` is missing: for whom are calls to the control plane signed?";
            self.tell(
                Mistake::new("missing-key", control.span.clone(), message)
                    .label("belongs here")
                    .help("write `audience:` with the `host.name` of that tier two"),
            );
        }
        let has_key = file.edge.as_ref().is_some_and(|edge| edge.key.is_some());
        if !has_key {
            let place = file.edge.as_ref().map_or(&control.span, |edge| &edge.span);
            let message = "calls to the control plane are signed, and `edge.key` is missing";
            self.tell(
                Mistake::new("missing-key", place.clone(), message).label("`key` belongs into `edge`").help(
                    "write `key: { file: edge.key }` into `edge`, and make the file with `weir key edge edge.key`",
                ),
            );
        }
        Some(Control {
            origins,
            audience: audience.map(|audience| self.name(audience, "tier two"))?,
            edge: edge?.name.clone(),
            secret: edge?.key.clone()?,
            timeout: Millis::from(timeout),
        })
    }

    fn control_url(&mut self, url: &At<String>) -> Option<weir_core::Origin> {
        let place = self.origin(url)?;
        if !place.origin.is_tls() && place.reach != Reach::Loopback {
            let message = "the control plane is reached in the clear only on this machine";
            self.tell(Mistake::new("in-the-clear", url.span.clone(), message).label("http").help("write `https://`"));
        }
        Some(place.origin)
    }

    fn instances(&mut self, instances: Option<&file::Instances>) -> InstanceSettings {
        let standard = InstanceSettings::default();
        let Some(file) = instances else {
            return standard;
        };
        InstanceSettings {
            workers: file.workers.as_ref().map(|at| self.number(Some(at), 1, 1..=1_024)),
            most: self.number(file.most.as_ref(), standard.most, 1..=100_000),
            requests: self.number(file.requests.as_ref(), standard.requests, 1..=1_000_000),
            concurrent: self.number(file.concurrent.as_ref(), standard.concurrent, 1..=1_024),
            idle: self.duration(file.idle.as_ref(), standard.idle),
            memory_bytes: self.size(file.memory.as_ref(), standard.memory_bytes),
            compute: self.duration(file.compute.as_ref(), standard.compute),
        }
    }

    pub(super) fn connections(&mut self, connections: Option<&file::Connections>) -> ConnectionSettings {
        let standard = ConnectionSettings::default();
        let Some(file) = connections else {
            return standard;
        };
        ConnectionSettings {
            most: self.number(file.most.as_ref(), 10_000, 1..=1_000_000) as usize,
            headers: self.duration(file.headers.as_ref(), standard.headers),
            keep_alive: self.duration(file.keep_alive.as_ref(), standard.keep_alive),
            body_idle: self.duration(file.body_idle.as_ref(), standard.body_idle),
            write_idle: self.duration(file.write_idle.as_ref(), standard.write_idle),
            grace: self.duration(file.grace.as_ref(), standard.grace),
        }
    }

    pub(super) fn tls(&mut self, tls: &file::Tls) -> TlsFiles {
        for at in [&tls.cert, &tls.key] {
            if at.is_empty() || at.contains("-----BEGIN") {
                let message = "the path of a PEM file is wanted here";
                self.tell(
                    Mistake::new("tls", at.span.clone(), message).help("write the certificate and its key into files"),
                );
            }
        }
        TlsFiles { cert: self.path(&tls.cert), key: self.path(&tls.key) }
    }

    /// Tells of two listeners at one address.
    pub(super) fn listeners(&mut self, file: &File, edge: Option<&EdgeSettings>, host: Option<&HostSettings>) {
        let mut taken = Vec::new();
        if let (Some(section), Some(edge)) = (file.edge.as_ref(), edge) {
            taken.push((edge.listen, place_of(section.listen.as_ref(), &section.span), "edge.listen"));
        }
        if let (Some(section), Some(host)) = (file.host.as_ref(), host) {
            taken.push((host.listen, place_of(section.listen.as_ref(), &section.span), "host.listen"));
            taken.push((host.control, place_of(section.control.as_ref(), &section.span), "host.control"));
        }
        for (at, (address, span, what)) in taken.iter().enumerate() {
            let clash = taken[..at].iter().find(|(other, ..)| clash(*other, *address));
            if let Some((_, first_span, first)) = clash {
                self.tell(
                    Mistake::new("address", span.clone(), format!("{first} and {what} both listen at {address}"))
                        .label(*what)
                        .other(first_span.clone(), *first)
                        .help("give one of them another port"),
                );
            }
        }
    }
}

/// Whether two listeners would want the same address. Port 0 is a new port each time.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// Adds what components may call: what is configured, and nothing else.
pub(super) fn with_egress(
    mut edge: EdgeSettings,
    backends: &[(String, Backend)],
    control: Option<&Control>,
) -> EdgeSettings {
    edge.egress = backends
        .iter()
        .map(|(name, backend)| Egress {
            name: name.clone(),
            origin: backend.origin().clone(),
            network: backend.network,
        })
        .collect();
    edge.control_origins = control.map(|control| control.origins.clone()).unwrap_or_default();
    // In the clear it is on this machine; over TLS its certificate says who it is.
    edge.egress.extend(edge.control_origins.iter().map(|origin| Egress {
        name: "control".into(),
        origin: origin.clone(),
        network: if origin.is_tls() { Network::Any } else { Network::Private },
    }));
    for part in &edge.chain {
        let granted = part.grants().and_then(|grants| grants.network.as_deref()).unwrap_or_default();
        for (origin, network) in granted {
            // Whoever wrote a backend or a control plane has said more of it.
            if edge.egress.iter().all(|known| known.origin != *origin) {
                let name = format!("part.{}", part.name);
                edge.egress.push(Egress { name, origin: origin.clone(), network: *network });
            }
        }
    }
    edge
}
