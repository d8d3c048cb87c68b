//! Guests, an edge that serves them, scripted upstreams, and clients that are exact about bytes.

pub(crate) mod client;
pub(crate) mod upstream;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use weir_compose::{Around, Part, compose};
use weir_edge::{Chain, Destination, Edge, EdgeConfig, EdgeOptions};
use weir_serve::{Drained, Listener, Shutdown, ShutdownTrigger};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A guest program, built where it is missing or old.
pub(crate) fn guest(name: &str) -> Vec<u8> {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let built = Command::new("bash").arg(root().join("scripts/guests.sh")).status().unwrap();
        assert!(built.success(), "the guests do not build");
    });
    std::fs::read(root().join(format!("target/guests/{name}.wasm"))).unwrap()
}

/// Options for a chain of guests, outermost first, with compiled code cached between runs.
pub(crate) fn options(chain: &[&str], config: EdgeConfig) -> EdgeOptions {
    let parts: Vec<_> = chain.iter().map(|name| Part::new(*name, guest(name))).collect();
    options_with(compose(&parts).unwrap(), config)
}

/// An edge for a chain of guests that need no configuration.
pub(crate) fn edge(chain: &[&str]) -> Edge {
    Edge::new(options(chain, EdgeConfig::new("{}"))).unwrap()
}

/// The configuration of `relays_a_backend`.
pub(crate) fn relay_config(backend: SocketAddr, control: SocketAddr) -> EdgeConfig {
    let mut config = EdgeConfig::new(format!("http://{backend} http://{control}"));
    config.destinations = vec![
        Destination::backend(format!("http://{backend}").parse().unwrap()),
        Destination::control(format!("http://{control}").parse().unwrap()),
    ];
    config
}

/// An edge behind a listener.
pub(crate) struct Served {
    pub(crate) edge: Edge,
    pub(crate) addr: SocketAddr,
    pub(crate) stop: ShutdownTrigger,
    pub(crate) ended: tokio::task::JoinHandle<Drained>,
}

/// Serves an edge on loopback.
pub(crate) fn serve(edge: Edge) -> Served {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr();
    let (stop, shutdown) = Shutdown::new();
    let serving = edge.clone();
    let ended = tokio::spawn(async move { serving.serve(listener, None, shutdown).await });
    Served { edge, addr, stop, ended }
}

/// Waits until `holds`, at most five seconds, and gives how long it took.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(5), "not within 5 s: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    start.elapsed()
}

/// The value of a counter.
pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// A request without a body, for [`Edge::handle`].
pub(crate) fn get(path: &str) -> http::Request<weir_serve::Body> {
    http::Request::get(format!("http://gateway.example{path}")).body(weir_serve::empty()).unwrap()
}

/// The status and the whole body of a response.
pub(crate) async fn read_all(response: http::Response<weir_serve::Body>) -> (u16, String) {
    use http_body_util::BodyExt;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// One of Weir's own components.
pub(crate) fn component(name: &str) -> Vec<u8> {
    let path = root().join(format!("target/components/{name}.wasm"));
    std::fs::read(path).expect("build the components first: make components")
}

/// Options for a chain whose parts are not all trusted, with what stands around those.
pub(crate) fn options_of(parts: Vec<Part>, config: EdgeConfig) -> EdgeOptions {
    let around = Around {
        grant: Some(component("grant")),
        warden_outer: Some(component("warden-outer")),
        warden_inner: Some(component("warden-inner")),
        vault: Some(component("vault")),
        settings: None,
    };
    let composed = weir_compose::Chain { tenant: None, parts, around }.compose().unwrap();
    let mut options = options_with(composed.bytes, config);
    options.limits.max_parts = 16;
    options
}

fn options_with(chain: Vec<u8>, config: EdgeConfig) -> EdgeOptions {
    let mut options = EdgeOptions::new(Chain::Bytes(chain), config);
    options.cache = Some(root().join("target/guests/compiled"));
    options.limits.max_instances = 16;
    options
}
