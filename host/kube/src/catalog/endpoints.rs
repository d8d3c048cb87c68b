//! Servers: at a pod's address, or at a URL.

use std::net::IpAddr;
use std::sync::Arc;

use weir_cluster::{EndpointOptions, Trust, Watched};
use weir_core::Origin;

use super::context::Context;
use super::report::Fault;
use crate::objects::{Address, EndpointSlice, Pod, SlicePort};

/// The servers behind a service.
#[derive(Default)]
pub(super) struct Served<'a> {
    pub(super) endpoints: Vec<EndpointOptions>,
    /// One of their pods, where it is known: what it was started with is true of all.
    pub(super) pod: Option<&'a Pod>,
    /// Whether gRPC is all that they speak.
    pub(super) grpc_only: bool,
    /// How many addresses there are, ready or not.
    pub(super) addresses: usize,
}

/// How the pods of a service are called.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// What OpenAI's paths begin with.
    pub(super) base_path: &'static str,
    /// The port on which pods speak gRPC though no service says so.
    pub(super) grpc_port: Option<u16>,
}

impl<'a> Context<'a> {
    /// The servers behind a service, by its slices; `None` where no slice is known.
    pub(super) fn served(
        &self,
        namespace: &str,
        service: &str,
        manner: impl FnOnce(Option<&'a Pod>) -> Manner,
    ) -> Option<Served<'a>> {
        let slices = self.index.slices(namespace, service);
        if slices.len() == 0 {
            return None;
        }
        let pod = slices.clone().flat_map(|slice| &slice.endpoints).filter_map(|endpoint| endpoint.target_ref.as_ref());
        // The first by name, so that it is the same whatever the order.
        let pod = pod.filter(|target| &*target.kind == "Pod").min_by(|a, b| a.name.cmp(&b.name));
        let pod = pod.and_then(|target| self.index.pod(namespace, &target.name));
        let mut served = Served { pod, ..Served::default() };
        let manner = manner(pod);
        let mut found: Vec<Found> = Vec::new();
        for slice in slices {
            let Some(ports) = Ports::of(slice) else { continue };
            served.grpc_only |= ports.http.is_none();
            for endpoint in &slice.endpoints {
                let address = endpoint.addresses.first().and_then(|text| text.parse().ok());
                let Some(address) = address.filter(|address| is_a_servers(*address)) else { continue };
                served.addresses += 1;
                let ending = endpoint.conditions.is_terminating();
                if !(endpoint.conditions.is_ready() || ending && endpoint.conditions.is_serving()) {
                    continue;
                }
                found.push(Found { address, ports, ending });
            }
        }
        found.sort_by_key(|found| (found.address, found.ports.main()));
        // One address may stand in two slices while a service changes.
        found.dedup_by(|later, first| {
            let same = (later.address, later.ports.main()) == (first.address, first.ports.main());
            first.ending &= !same || later.ending;
            same
        });
        served.endpoints = found.iter().map(|found| found.endpoint(manner, self.settings.max_in_flight)).collect();
        Some(served)
    }

    /// The server at a URL of an object's status.
    pub(super) fn at(&self, address: &Address, base_path: &'static str) -> Result<Option<EndpointOptions>, Fault> {
        let Some(origin) = origin(&address.url)? else { return Ok(None) };
        let mut options = EndpointOptions::new(origin, base_path);
        if let Some(pem) = address.ca_certs.as_deref().filter(|pem| !pem.is_empty() && options.origin.is_tls()) {
            options.trust = Trust::Authorities { pem: Arc::from(pem.as_bytes()), server_name: None };
        }
        options.watched = Watched::Elsewhere;
        // Behind a route are more servers than one, and somebody who counts for each.
        options.max_in_flight = self.settings.max_in_flight.saturating_mul(BEHIND_ROUTE);
        Ok(Some(options))
    }
}

/// How many times as many requests a route gets as a server.
const BEHIND_ROUTE: usize = 16;

/// The origin of a URL, whatever its path; `None` where there is no URL. `grpc` and `grpcs` are what they are over HTTP.
pub(super) fn origin(url: &str) -> Result<Option<Origin>, Fault> {
    if url.is_empty() {
        return Ok(None);
    }
    let fault = || Fault::BadAddress(url.chars().take(256).collect::<String>().escape_debug().to_string());
    let (scheme, rest) = url.split_once("://").ok_or_else(fault)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" | "grpc" => "http",
        "https" | "grpcs" => "https",
        _ => return Err(fault()),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let origin: Origin = format!("{scheme}://{authority}").parse().map_err(|_| fault())?;
    let literal = origin.host().trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if literal.is_ok_and(|address| !is_a_servers(address)) { Err(fault()) } else { Ok(Some(origin)) }
}

/// Whether an address can be a model server's: nobody may have the metadata service of a cloud called for him, whoever can
/// write a status.
pub(super) fn is_a_servers(address: IpAddr) -> bool {
    let special = |address: IpAddr| match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let address = address.to_canonical();
    !(address.is_unspecified() || address.is_multicast() || special(address))
}

/// The ports of a slice by what is spoken there.
#[derive(Clone, Copy)]
struct Ports {
    http: Option<(u16, bool)>,
    grpc: Option<u16>,
}

/// An address that a slice has, and whether its pod is being terminated.
#[derive(Clone, Copy)]
struct Found {
    address: IpAddr,
    ports: Ports,
    ending: bool,
}

impl Ports {
    fn of(slice: &EndpointSlice) -> Option<Self> {
        let usable = |port: &&SlicePort| {
            port.port != 0 && matches!(&*port.protocol, "" | "TCP") && !port.name.contains("metric")
        };
        let ports = || slice.ports.iter().filter(usable);
        let http = ports().filter(|port| !is_grpc(port)).min_by_key(|port| (rank(port), port.port));
        let grpc = ports().filter(|port| is_grpc(port)).min_by_key(|port| port.port);
        let found = Self { http: http.map(|port| (port.port, is_tls(port))), grpc: grpc.map(|port| port.port) };
        (found.http.is_some() || found.grpc.is_some()).then_some(found)
    }

    /// The port that takes calls.
    fn main(self) -> u16 {
        self.http.map(|(port, _)| port).or(self.grpc).unwrap_or_default()
    }
}

impl Found {
    fn endpoint(&self, manner: Manner, max_in_flight: usize) -> EndpointOptions {
        let Ports { http, grpc } = self.ports;
        let origin = Origin::at(self.address, self.ports.main(), http.is_some_and(|(_, tls)| tls));
        let grpc = http.and(grpc.or(manner.grpc_port)).map(|port| origin.with_port(port, false));
        EndpointOptions {
            grpc,
            h2c: http.is_none(),
            watched: Watched::Elsewhere,
            max_in_flight,
            draining: self.ending,
            ..EndpointOptions::new(origin, manner.base_path)
        }
    }
}

/// KServe and Knative name a port after what is spoken there: `h2c` and `grpc…` for gRPC.
fn is_grpc(port: &SlicePort) -> bool {
    port.name.starts_with("grpc")
        || port.name.starts_with("h2c")
        || port.app_protocol.contains("grpc")
        || port.app_protocol.contains("h2c")
}

fn is_tls(port: &SlicePort) -> bool {
    port.name.starts_with("https") || &*port.app_protocol == "https"
}

/// Which of several ports takes calls: the one named for HTTP rather than one of any name, and one without TLS first.
fn rank(port: &SlicePort) -> u8 {
    match (is_tls(port), port.name.starts_with("http")) {
        (true, _) => 2,
        (false, true) => 0,
        (false, false) => 1,
    }
}
