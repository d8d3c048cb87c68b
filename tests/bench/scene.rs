//! The processes of one measurement: a model server that answers at once, and Weir in front of it, or nothing.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use weir_tests::chat::{post, signed_post};
use weir_tests::weir::{Built, KEY, Setup, Weir, free_ports};

use crate::load;
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
}

impl Way {
    pub(crate) const ALL: [Self; 7] = [
        Self::Direct,
        Self::TierOne,
        Self::Fused,
        Self::TierOneWithControl,
        Self::FusedWithControl,
        Self::TierTwo,
        Self::Both,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::TierOne => "tier one, no control call",
            Self::Fused => "tier one fused, no control call",
            Self::TierOneWithControl => "tier one, with control calls",
            Self::FusedWithControl => "tier one fused, with control calls",
            Self::TierTwo => "tier two alone",
            Self::Both => "both tiers",
        }
    }
}

/// The running processes.
pub(crate) struct Scene {
    /// Who makes the requests.
    pub(crate) asker: Asker,
    model_server: Child,
    weir: Option<Weir>,
}

impl Scene {
    pub(crate) async fn start(built: &Built, way: Way) -> Self {
        let [sim, ..] = free_ports();
        let model_server = Command::new(&built.weir)
            .args(["sim", "--listen", &sim.to_string(), "--model", "sim"])
            .args(["--ttft", "0ms", "--tpot", "0ms", "--jitter", "0", "--max-num-seqs", "4096"])
            .args(["--prefill-tps", "1000000000", "--kv-blocks", "1000000", "--max-model-len", "1000000"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the simulator starts");
        load::wait_until_open(sim).await;
        let origin = format!("http://{sim}");
        let weir = match way {
            Way::Direct => None,
            Way::TierOne | Way::Fused => {
                Some(Setup { command: "edge", control: false, edge: chain(way), ..Setup::in_front_of(&origin) })
            }
            Way::TierOneWithControl | Way::FusedWithControl => Some(Setup {
                edge: chain(way),
                limits: json!([{"name": "wide", "per": "key", "requests": 1_000_000_000, "every": "hour"}]),
                host_models: json!([{"name": "none", "endpoints": [{"url": format!("{origin}/v1")}]}]),
                ..Setup::in_front_of(&origin)
            }),
            Way::TierTwo => Some(Setup { command: "host", ..wide(&origin) }),
            Way::Both => Some(wide(&origin)),
        };
        let weir = weir.map(|setup| Weir::start(built, &setup));
        let address = match (&weir, way) {
            (None, _) => sim,
            (Some(weir), Way::TierTwo) => weir.host,
            (Some(weir), _) => weir.edge,
        };
        Self { asker: Asker { address, signed: way == Way::TierTwo }, model_server, weir }
    }

    /// The process that is measured: Weir's, or the model server's where there is no Weir.
    pub(crate) fn pid(&self) -> u32 {
        self.weir.as_ref().map_or(self.model_server.id(), Weir::pid)
    }

    pub(crate) fn memory(&self) -> Memory {
        Memory::of(self.pid())
    }

    pub(crate) async fn warm_up(&self) {
        let _ = load::one_after_another(self, 200).await;
    }
}

/// Which chain tier one runs: the four parts, or the fused component.
fn chain(way: Way) -> Value {
    match way {
        Way::Fused | Way::FusedWithControl => json!({"chain": ["gateway"]}),
        _ => json!({"chain": ["auth", "router", "limiter", "translator"]}),
    }
}

/// Both tiers in front of the model server, with room for every stream.
fn wide(origin: &str) -> Setup {
    Setup {
        limits: json!([{"name": "wide", "per": "key", "requests": 1_000_000_000, "every": "hour"}]),
        host_models: json!([{"name": "sim", "endpoints": [{"url": format!("{origin}/v1"), "max_in_flight": 4096}]}]),
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
        // It may have ended already.
        let _ = self.model_server.kill();
        let _ = self.model_server.wait();
    }
}
