//! The processes of one measurement: model servers that answer at once, and in front of them Weir, a peer, or nothing.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use weir_tests::chat::{post, signed_post};
use weir_tests::weir::{Built, KEY, Setup, Weir, free_ports};

use crate::load;
use crate::peers::{Peer, Router};
use crate::process::Memory;

/// Which way requests take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the model server itself.
    Direct,
    /// Through tier one, which keeps its own count.
    TierOne,
    /// The same with the four parts in one component.
    Fused,
    /// Through tier one, which reserves and settles with the control plane.
    TierOneWithControl,
    /// The same with the four parts in one component.
    FusedWithControl,
    /// Through tier two alone, each call signed by the load generator before its time begins.
    TierTwo,
    /// Through both tiers, with the control plane.
    Both,
    /// To one of two model servers itself, as what follows is compared with.
    DirectToOneOfTwo,
    /// Through tier two alone, in front of two model servers, each call signed as before.
    TierTwoOfTwo,
    /// Through another's router, in front of two model servers.
    Peer(Peer),
}

impl Way {
    /// Weir's own.
    pub(crate) const ALL: [Self; 7] = [
        Self::Direct,
        Self::TierOne,
        Self::Fused,
        Self::TierOneWithControl,
        Self::FusedWithControl,
        Self::TierTwo,
        Self::Both,
    ];

    /// Tier two beside its peers, each in front of two model servers.
    pub(crate) fn of_two() -> Vec<Self> {
        let peers = Peer::installed().into_iter().map(Self::Peer);
        [Self::DirectToOneOfTwo, Self::TierTwoOfTwo].into_iter().chain(peers).collect()
    }

    /// How many model servers there are.
    fn servers(self) -> usize {
        match self {
            Self::DirectToOneOfTwo | Self::TierTwoOfTwo | Self::Peer(_) => 2,
            _ => 1,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::TierOne => "tier one, no control call",
            Self::Fused => "tier one fused, no control call",
            Self::TierOneWithControl => "tier one, with control calls",
            Self::FusedWithControl => "tier one fused, with control calls",
            Self::TierTwo => "tier two alone",
            Self::Both => "both tiers",
            Self::DirectToOneOfTwo => "direct, one of two",
            Self::TierTwoOfTwo => "tier two, of two",
            Self::Peer(peer) => peer.name(),
        }
    }
}

/// The running processes.
pub(crate) struct Scene {
    /// Who makes the requests.
    pub(crate) asker: Asker,
    model_servers: Vec<Child>,
    between: Between,
}

/// What stands between the load and the model servers.
enum Between {
    Nothing,
    Weir(Weir),
    Peer(Router),
}

impl Scene {
    pub(crate) async fn start(built: &Built, way: Way) -> Self {
        let ports = free_ports();
        let servers = &ports[..way.servers()];
        let model_servers = servers.iter().map(|at| model_server(built, *at)).collect();
        for server in servers {
            load::wait_until_open(*server).await;
        }
        let between = match way {
            Way::Peer(peer) => Between::Peer(peer.start(servers)),
            way => setup(way, servers).map_or(Between::Nothing, |setup| Between::Weir(Weir::start(built, &setup))),
        };
        let signed = matches!(way, Way::TierTwo | Way::TierTwoOfTwo);
        let address = match &between {
            Between::Nothing => servers[0],
            Between::Weir(weir) if signed => weir.host,
            Between::Weir(weir) => weir.edge,
            Between::Peer(router) => router.address,
        };
        let scene = Self { asker: Asker { address, signed }, model_servers, between };
        load::wait_until_it_answers(&scene).await;
        scene
    }

    /// The process that is measured: what stands between, or the model server where nothing does.
    pub(crate) fn pid(&self) -> u32 {
        match &self.between {
            Between::Nothing => self.model_servers[0].id(),
            Between::Weir(weir) => weir.pid(),
            Between::Peer(router) => router.pid(),
        }
    }

    pub(crate) fn memory(&self) -> Memory {
        Memory::of(self.pid())
    }

    pub(crate) async fn warm_up(&self) {
        let _ = load::one_after_another(self, 200).await;
    }
}

/// A model server that answers at once.
fn model_server(built: &Built, at: SocketAddr) -> Child {
    Command::new(&built.weir)
        .args(["sim", "--listen", &at.to_string(), "--model", "sim"])
        .args(["--ttft", "0ms", "--tpot", "0ms", "--jitter", "0", "--max-num-seqs", "4096"])
        .args(["--prefill-tps", "1000000000", "--kv-blocks", "1000000", "--max-model-len", "1000000"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the simulator starts")
}

/// How Weir is started in front of the model servers, where it is.
fn setup(way: Way, servers: &[SocketAddr]) -> Option<Setup> {
    let origin = format!("http://{}", servers[0]);
    let wide_limits = json!([{"name": "wide", "per": "key", "requests": 1_000_000_000, "every": "hour"}]);
    Some(match way {
        Way::Direct | Way::DirectToOneOfTwo | Way::Peer(_) => return None,
        Way::TierOne | Way::Fused => {
            Setup { command: "edge", control: false, edge: chain(way), ..Setup::in_front_of(&origin) }
        }
        Way::TierOneWithControl | Way::FusedWithControl => Setup {
            edge: chain(way),
            limits: wide_limits,
            host_models: json!([{"name": "none", "endpoints": [{"url": format!("{origin}/v1")}]}]),
            ..Setup::in_front_of(&origin)
        },
        Way::TierTwo | Way::TierTwoOfTwo => Setup { command: "host", ..wide(servers) },
        Way::Both => wide(servers),
    })
}

/// Which chain tier one runs: the four parts, or the fused component.
fn chain(way: Way) -> Value {
    match way {
        Way::Fused | Way::FusedWithControl => json!({"chain": ["gateway"]}),
        _ => json!({"chain": ["auth", "router", "limiter", "translator"]}),
    }
}

/// Both tiers in front of the model servers, with room for every stream.
fn wide(servers: &[SocketAddr]) -> Setup {
    let endpoints: Vec<_> =
        servers.iter().map(|at| json!({"url": format!("http://{at}/v1"), "max_in_flight": 4096})).collect();
    Setup {
        limits: json!([{"name": "wide", "per": "key", "requests": 1_000_000_000, "every": "hour"}]),
        host_models: json!([{"name": "sim", "endpoints": endpoints}]),
        ..Setup::default()
    }
}

/// Makes requests.
#[derive(Clone, Copy)]
pub(crate) struct Asker {
    /// Where they go.
    pub(crate) address: SocketAddr,
    signed: bool,
}

impl Asker {
    /// A request for an answer of so many tokens, as it goes over the wire.
    pub(crate) fn request(self, tokens: usize, stream: bool) -> Vec<u8> {
        self.ask(&format!("Tell me of rivers and weirs. [[sim:tokens={tokens}]]"), stream)
    }

    /// A request for a stream that begins at once and then has a minute between its tokens.
    pub(crate) fn slow_request(self) -> Vec<u8> {
        self.ask("Tell me of rivers. [[sim:tokens=100]] [[sim:tpot=60s]]", true)
    }

    /// A request for a stream with two seconds between its tokens.
    pub(crate) fn trickling_request(self) -> Vec<u8> {
        self.ask("Tell me of rivers. [[sim:tokens=100]] [[sim:tpot=2s]]", true)
    }

    fn ask(self, text: &str, stream: bool) -> Vec<u8> {
        let body = json!({"model": "sim", "stream": stream, "max_tokens": 100_000,
            "messages": [{"role": "user", "content": text}]})
        .to_string();
        if self.signed { signed_post(self.address, &body) } else { post(self.address, KEY, PATH, &body) }
    }
}

const PATH: &str = "/v1/chat/completions";

impl Drop for Scene {
    fn drop(&mut self) {
        for server in &mut self.model_servers {
            // It may have ended already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
