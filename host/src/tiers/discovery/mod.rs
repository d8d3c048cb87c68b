//! Models that are found in a cluster: what its API server says becomes what the data plane serves, beside what
//! `weir.yaml` lists.

mod metrics;
mod shown;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{error, info, warn};
use weir_cluster::{Cluster, Model, OptionsError};
use weir_config::settings::KubernetesSettings;
use weir_kube::Picture;
use weir_kube::catalog::{Authorities, Catalog, Settings};
use weir_kube::objects::ObjectRef;
use weir_kube::watch::{ConnectError, ConnectOptions, Kube, Watches, WatchesOptions};

pub(crate) use metrics::DiscoveryMetrics;

/// For how long the first picture of the cluster is waited for, where the file lists models that can be served without
/// it. Without such models there is nothing to serve, and so nothing to be ready for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the discovery stands that there is, if there is one: a reload of the file may replace it.
pub(crate) type Slot = Arc<ArcSwapOption<Discovery>>;

/// What finds models, while it lives. Dropping it ends the watches; what was found stays served.
pub(crate) struct Discovery {
    shared: Arc<Shared>,
    following: JoinHandle<()>,
}

struct Shared {
    cluster: Cluster,
    origin: String,
    watches: Watches,
    picture: Picture,
    told: Mutex<Told>,
    /// Whether what was found is served, or is known not to be there for now.
    settled: AtomicBool,
    changes: AtomicU64,
    failures: AtomicU64,
}

/// What was said last, by the file and by the cluster.
struct Told {
    settings: KubernetesSettings,
    file: Vec<Model>,
    found: Catalog,
}

impl Discovery {
    /// Begins to find models. `file` are those of `weir.yaml`, `found` those that an earlier discovery had found, which
    /// count until this one knows better. Needs a Tokio runtime.
    pub(crate) async fn start(
        settings: &KubernetesSettings,
        file: Vec<Model>,
        found: Catalog,
        cluster: Cluster,
    ) -> Result<Self, ConnectError> {
        let options = ConnectOptions { kubeconfig: settings.kubeconfig.clone(), context: settings.context.clone() };
        let kube = Kube::connect(&options).await?;
        let namespaces = settings.namespaces.clone();
        let mut watches = Watches::new(&kube, WatchesOptions { namespaces, ..WatchesOptions::default() });
        let picture = Picture::watch(&mut watches, settings.selector.as_deref());
        let shared = Arc::new(Shared {
            cluster,
            origin: kube.origin().to_owned(),
            watches,
            picture,
            told: Mutex::new(Told { settings: settings.clone(), file, found }),
            settled: AtomicBool::new(false),
            changes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        });
        let following = tokio::spawn(follow(shared.clone()));
        Ok(Self { shared, following })
    }

    /// Whether another file asks the API server the same questions: then this one need not begin anew.
    pub(crate) fn asks_the_same(&self, settings: &KubernetesSettings) -> bool {
        let told = self.shared.told.lock();
        let questions = |of: &KubernetesSettings| {
            (of.namespaces.clone(), of.selector.clone(), of.kubeconfig.clone(), of.context.clone())
        };
        questions(&told.settings) == questions(settings)
    }

    /// Takes what another file says; on an error nothing changes.
    pub(crate) fn reload(&self, settings: &KubernetesSettings, file: Vec<Model>) -> Result<(), OptionsError> {
        let mut told = self.shared.told.lock();
        let before = std::mem::replace(&mut told.settings, settings.clone());
        let files = std::mem::replace(&mut told.file, file);
        let result = self.shared.serve(&mut told);
        if result.is_err() {
            (told.settings, told.file) = (before, files);
        }
        result
    }

    /// Whether calls can be taken: what was found is served, or the API server cannot be reached and the file has models.
    pub(crate) fn is_settled(&self) -> bool {
        self.shared.settled.load(Ordering::Relaxed)
    }

    /// What was found.
    pub(crate) fn found(&self) -> Catalog {
        self.shared.told.lock().found.clone()
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.following.abort();
    }
}

impl Shared {
    /// Has the data plane serve what the objects mean now, and what the file lists.
    fn serve(&self, told: &mut Told) -> Result<(), OptionsError> {
        let complete = self.watches.is_complete();
        if complete {
            let found = Catalog::of(&self.picture.objects(), &catalog_settings(&told.settings, &told.file));
            report(&told.found, &found);
            told.found = found;
        }
        let models: Vec<Model> = told.file.iter().chain(&told.found.models).cloned().collect();
        let served = if complete { self.cluster.reload(&models) } else { self.cluster.reload_in_part(&models) };
        served.inspect_err(|_| {
            self.failures.fetch_add(1, Ordering::Relaxed);
        })?;
        self.changes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

async fn follow(shared: Arc<Shared>) {
    let mut changes = shared.watches.changes();
    let mut waited_since = Instant::now();
    loop {
        let wait = if shared.settled.load(Ordering::Relaxed) { Duration::MAX } else { PATIENCE };
        tokio::select! {
            changed = changes.next() => if !changed { return },
            () = sleep(wait.saturating_sub(waited_since.elapsed())) => {
                waited_since = Instant::now();
                without_a_picture(&shared);
                continue;
            }
        }
        // Requests that this thread would serve go to another meanwhile: a thousand objects take their time.
        tokio::task::block_in_place(|| take(&shared));
    }
}

/// Has the data plane serve what is known now, and says how that went.
fn take(shared: &Shared) {
    let mut told = shared.told.lock();
    match shared.serve(&mut told) {
        Ok(()) if !shared.settled.swap(true, Ordering::Relaxed) => {
            info!(models = told.found.models.len(), "the models of the cluster are served");
        }
        Ok(()) => {}
        Err(error) => error!(%error, "what the cluster says cannot be served; what was served stays"),
    }
}

/// The first picture takes long: it is said, and what the file lists is served meanwhile.
fn without_a_picture(shared: &Shared) {
    let problem = shared.watches.status().into_iter().find_map(|watch| watch.problem);
    let why = problem.unwrap_or_else(|| "it has not answered yet".into());
    let models = shared.told.lock().file.len();
    shared.settled.store(models > 0, Ordering::Relaxed);
    if models > 0 {
        warn!(server = %shared.origin, why, models, "without the cluster for now: only what weir.yaml lists is served");
    } else {
        warn!(server = %shared.origin, why, "without the cluster there is nothing to serve: not ready yet");
    }
}

/// Says what is newly wrong, once. Both lists are in order.
fn report(before: &Catalog, after: &Catalog) {
    for collision in after.collisions.iter().filter(|it| before.collisions.binary_search(it).is_err()) {
        warn!("{collision}");
    }
    for problem in after.problems.iter().filter(|it| before.problems.binary_search(it).is_err()) {
        warn!("{problem}");
    }
}

fn catalog_settings(settings: &KubernetesSettings, file: &[Model]) -> Settings {
    let single = settings.trust.objects.iter().map(|((namespace, name), pem)| {
        let object = ObjectRef { namespace: namespace.as_str().into(), name: name.as_str().into() };
        (object, pem.clone())
    });
    Settings {
        max_in_flight: settings.max_in_flight as usize,
        cluster_domain: settings.domain.clone(),
        authorities: Authorities { all: settings.trust.all.clone(), single: single.collect() },
        file_names: file.iter().flat_map(|model| [&model.name].into_iter().chain(&model.aliases)).cloned().collect(),
    }
}
