//! A thousand `InferenceService`s and five thousand pods: how much they weigh, and how soon a change is known.
#![allow(clippy::unwrap_used, clippy::print_stderr)]
#![allow(unsafe_code, reason = "a global allocator is an unsafe trait")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_apiserver::{ApiServer, Recorded, recordings};
use weir_kube::objects::{InferenceService, Pod};
use weir_kube::watch::{ConnectOptions, Kube, Need, Watches, WatchesOptions};

/// Counts what is allocated.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

const SERVICES: usize = 1_000;
const PODS: usize = 5_000;

/// Objects as large as those of a real cluster: what the recordings have, else something made up.
fn models(list: &str, otherwise: Value) -> Vec<Value> {
    let recorded = recordings().map(|folder| Recorded::read(&folder, list).unwrap().objects());
    recorded.filter(|objects| !objects.is_empty()).unwrap_or_else(|| vec![otherwise])
}

fn fill(server: &ApiServer) -> usize {
    let mut bytes = 0;
    let services = models("list/inferenceservices", support::service("models", "iris"));
    let pods = models("list/pods", support::pod("models", "pod"));
    let mut put = |mut object: Value, kind: [&str; 2], name: String| {
        [object["apiVersion"], object["kind"]] = kind.map(Value::from);
        object["metadata"]["namespace"] = json!("models");
        object["metadata"]["name"] = name.into();
        bytes += object.to_string().len();
        server.put(object).unwrap();
    };
    for (n, service) in services.iter().cycle().take(SERVICES).enumerate() {
        put(service.clone(), ["serving.kserve.io/v1beta1", "InferenceService"], format!("service-{n}"));
    }
    for (n, pod) in pods.iter().cycle().take(PODS).enumerate() {
        put(pod.clone(), ["v1", "Pod"], format!("service-{}-predictor-{n}", n % SERVICES));
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_services_with_five_thousand_pods() {
    let server = ApiServer::new();
    let bytes = fill(&server);
    let running = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    running.write_kubeconfig(&path).unwrap();
    let kube = Kube::connect(&ConnectOptions { kubeconfig: Some(path), context: None }).await.unwrap();

    let before = HELD.load(Ordering::Relaxed);
    let begun = Instant::now();
    let mut watches = Watches::new(&kube, WatchesOptions::default());
    let services = watches.add::<InferenceService>(Need::Required, None);
    let pods = watches.add::<Pod>(Need::Required, None);
    let mut changes = watches.changes();
    assert!(changes.next().await);
    let listed = begun.elapsed();
    assert_eq!((services.len(), pods.len()), (SERVICES, PODS));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let held = HELD.load(Ordering::Relaxed).saturating_sub(before);
    eprintln!("{} MiB of objects listed in {listed:?}, held in {} KiB", bytes >> 20, held >> 10);
    assert!(held < 40 << 20, "{} KiB", held >> 10);

    let agent = concat!("weir/", env!("CARGO_PKG_VERSION"));
    assert!(server.asked().iter().all(|asked| asked.agent == agent), "{:?}", server.asked()[0]);

    // One change.
    let mut slowest = Duration::ZERO;
    for n in 0..50 {
        let mut pod = support::pod("models", &format!("service-{n}-predictor-{n}"));
        pod["status"]["podIP"] = json!("10.1.2.3");
        let begun = Instant::now();
        server.put(pod).unwrap();
        assert!(changes.next().await);
        slowest = slowest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    eprintln!("a change is told within {slowest:?}");
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");

    // A thousand at once.
    let begun = Instant::now();
    for n in 0..SERVICES {
        server.put(support::service("models", &format!("service-{n}"))).unwrap();
    }
    let mut told = 0;
    while support::held(&services) != support::had::<InferenceService>(&server) {
        assert!(changes.next().await);
        told += 1;
    }
    eprintln!("a thousand changes are told {told} times within {:?}", begun.elapsed());
    assert!(told < 200, "{told}");
}
