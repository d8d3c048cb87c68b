//! Tier two: the data plane in front of the model servers, what finds them, and the control plane.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use http::{Request, Response, StatusCode};
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use weir_cluster::{Answering, Cluster, ClusterOptions, Model};
use weir_config::settings::{HostSettings, KubernetesSettings};
use weir_config::{Loaded, Secrets};
use weir_control::ControlPlane;
use weir_core::{Millis, UnixMillis};
use weir_fleet::{Board, Fleet};
use weir_kube::catalog::Catalog;
use weir_serve::{Body, Drained, Peer, ServeLimits, Shutdown, ShutdownTrigger, full};

use super::connections;
use super::discovery::{Discovery, DiscoveryMetrics, Slot};
use crate::configuration;
use crate::exit::Failure;

/// Tier two, running.
pub(crate) struct TierTwo {
    cluster: Cluster,
    control: ControlPlane,
    discovery: Slot,
    addresses: [SocketAddr; 2],
    tls: bool,
    grace: Duration,
    stop: ShutdownTrigger,
    serving: JoinSet<Drained>,
}

impl TierTwo {
    /// Starts it, with whatever is in `registry` shown at the control plane's `/metrics`. Needs a Tokio runtime.
    pub(crate) async fn start(loaded: &Loaded, mut registry: Registry) -> Result<Self, Failure> {
        let settings = settings(loaded)?;
        let data = connections::bind(settings.listen, "tier two")?;
        let console = connections::bind(settings.control, "the control plane")?;
        let (addresses, tls) = ([data.local_addr(), console.local_addr()], connections::tls(settings.tls.as_ref())?);
        let limits = for_edges(connections::limits(&settings.connections, &loaded.config.sizes));

        let control = ControlPlane::start(control_options(loaded, settings), &mut registry)
            .map_err(|e| anyhow::anyhow!("the control plane cannot start: {e}"))?;
        let cluster = Cluster::new(cluster_options(loaded, settings)?, control.verifier(), &mut registry)
            .context("tier two cannot start")?;
        let discovery = Slot::default();
        registry.register_collector(Box::new(DiscoveryMetrics(discovery.clone())));
        if let Some(kubernetes) = &settings.kubernetes {
            let file = models(loaded, settings)?;
            cluster.reload_in_part(&file).context("tier two cannot start")?;
            discovery.store(Some(discover(kubernetes, file, Catalog::default(), &cluster).await?));
        }
        control.expose(registry);
        control.show(board(settings.name.clone(), cluster.clone(), discovery.clone()));

        let (stop, shutdown) = Shutdown::new();
        let encrypted = tls.is_some();
        let mut serving = JoinSet::new();
        let service = once_settled(cluster.service(), discovery.clone());
        serving.spawn(weir_serve::serve(data, tls.clone(), service, limits.clone(), shutdown.clone()));
        serving.spawn(weir_serve::serve(console, tls, control.service(), limits, shutdown));
        let grace = settings.connections.grace;
        Ok(Self { cluster, control, discovery, addresses, tls: encrypted, grace, stop, serving })
    }

    /// Where the data plane is.
    pub(crate) fn url(&self) -> String {
        connections::url(self.addresses[0], self.tls)
    }

    /// Where the control plane is.
    pub(crate) fn control_url(&self) -> String {
        connections::url(self.addresses[1], self.tls)
    }

    /// Takes another configuration: models, limits, edges, where models are found. The listeners stay as they were.
    pub(crate) async fn reload(&self, loaded: &Loaded) -> Result<(), Failure> {
        let settings = settings(loaded)?;
        self.reload_models(settings, models(loaded, settings)?).await?;
        self.control.reload(control_options(loaded, settings)).map_err(|e| anyhow::anyhow!("{e}"))?;
        Ok(())
    }

    /// What finds models goes on as long as it would ask the same. Where it begins anew, what was found before is served
    /// until the new picture is complete.
    async fn reload_models(&self, settings: &HostSettings, file: Vec<Model>) -> Result<(), Failure> {
        let kept = "tier two keeps its models";
        let before = self.discovery.load_full();
        match (&settings.kubernetes, before) {
            (Some(kubernetes), Some(before)) if before.asks_the_same(kubernetes) => {
                before.reload(kubernetes, file).context(kept)?;
            }
            (Some(kubernetes), before) => {
                let found = before.map(|before| before.found()).unwrap_or_default();
                let models: Vec<_> = file.iter().chain(&found.models).cloned().collect();
                self.cluster.reload_in_part(&models).context(kept)?;
                self.discovery.store(Some(discover(kubernetes, file, found, &self.cluster).await?));
            }
            (None, _) => {
                self.cluster.reload(&file).context(kept)?;
                self.discovery.store(None);
            }
        }
        Ok(())
    }

    /// Begins the stop.
    pub(crate) fn drain(&self) {
        self.cluster.drain();
        self.control.drain();
        self.stop.drain(self.grace);
    }

    /// Waits for its end: the last connection closed.
    pub(crate) async fn ended(&mut self) {
        while self.serving.join_next().await.is_some() {}
    }
}

/// An edge has all its calls over HTTP/2 on one connection: more at once, and those whose messages nobody reads must not hold
/// up the others.
fn for_edges(mut limits: ServeLimits) -> ServeLimits {
    limits.max_concurrent_streams = 1_024;
    limits.h2.connection_window = 128 * limits.h2.stream_window;
    limits
}

async fn discover(
    settings: &KubernetesSettings,
    file: Vec<Model>,
    found: Catalog,
    cluster: &Cluster,
) -> Result<Arc<Discovery>, Failure> {
    let discovery = Discovery::start(settings, file, found, cluster.clone()).await;
    Ok(Arc::new(
        discovery.context("models cannot be found in a cluster; without `host.kubernetes` none are looked for")?,
    ))
}

/// What `/control/v1/fleet` shows.
fn board(name: String, cluster: Cluster, discovery: Slot) -> Board {
    Board::new(move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut fleet = Fleet::new(name.clone(), UnixMillis(Millis::from(now).0), cluster.snapshot());
        if let Some(discovery) = discovery.load_full() {
            discovery.show(&mut fleet);
        }
        fleet
    })
}

/// The data plane's service, not ready until it is known what the cluster has.
fn once_settled(
    service: impl Fn(Request<Body>, Peer) -> Answering + Clone + Send + Sync + 'static,
    discovery: Slot,
) -> impl Fn(Request<Body>, Peer) -> Answering + Clone + Send + Sync + 'static {
    move |request, peer| {
        let early = || discovery.load_full().is_some_and(|discovery| !discovery.is_settled());
        if request.uri().path() == "/readyz" && early() {
            let mut answer = Response::new(full("what the cluster serves is not known yet\n"));
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return Box::pin(std::future::ready(answer));
        }
        service(request, peer)
    }
}

fn settings(loaded: &Loaded) -> Result<&HostSettings, Failure> {
    let missing = || Failure::Config(format!("{}: there is no `host`, so tier two cannot run", loaded.name));
    loaded.host.as_ref().ok_or_else(missing)
}

fn control_options(loaded: &Loaded, settings: &HostSettings) -> weir_control::ControlOptions {
    weir_control::ControlOptions {
        config: Arc::new(loaded.config.clone()),
        name: settings.name.clone(),
        edges: settings.edges.clone(),
        admin: settings.admin,
    }
}

fn cluster_options(loaded: &Loaded, settings: &HostSettings) -> Result<ClusterOptions, Failure> {
    let secrets = endpoint_secrets(loaded)?;
    let options = ClusterOptions::from_settings(settings, |name| secrets.get(name).cloned()).map_err(wrong_key)?;
    Ok(ClusterOptions { limits: loaded.config.sizes, access_log: configuration::access_log(loaded)?, ..options })
}

fn models(loaded: &Loaded, settings: &HostSettings) -> Result<Vec<Model>, Failure> {
    let secrets = endpoint_secrets(loaded)?;
    Model::from_settings(settings, |name| secrets.get(name).cloned()).map_err(wrong_key)
}

fn endpoint_secrets(loaded: &Loaded) -> Result<Secrets, Failure> {
    loaded.secrets.resolve(&weir_config::Machine, |name| name.starts_with("endpoint-")).map_err(configuration::failure)
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn wrong_key(error: weir_cluster::KeyError) -> Failure {
    Failure::Config(error.to_string())
}
