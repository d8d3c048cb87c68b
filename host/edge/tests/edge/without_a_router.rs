//! Where no router stands in the chain, `auth` is the outermost part that reads how an answer ends.

use serde_json::json;

use crate::support::client::Client;
use crate::support::upstream::Upstream;
use crate::support::{component, guest, options_of, read, serve, until};
use weir_compose::{Access, Grants, Part};
use weir_core::config::KeyHash;
use weir_edge::{Destination, Edge, EdgeConfig};

const KEY: &str = "weir-test-key-of-the-first-tenant-000001";

fn config(upstream: &Upstream) -> EdgeConfig {
    let origin = format!("http://{}", upstream.addr);
    let key = json!({"name": "test", "sha256": KeyHash::of(KEY), "user": null, "models": ["*"], "expires": null});
    let backend = json!({
        "kind": {"type": "openai"}, "origin": origin, "base_path": "/chat-cut/v1", "key": null, "on_client_gone": "cancel",
        "timeouts": {"connect": 3000, "first_event": 10000, "idle": 10000},
    });
    let compiled = json!({
        "version": 1, "policy": "p1", "chain": ["auth", "translator"],
        "tenants": [{"name": "first", "models": ["*"], "keys": [key]}],
        "backends": {"upstream": backend}, "routes": [], "limits": [], "control": null,
        "retry": {"attempts": 3, "percent": 20, "per_second": 10}, "sizes": {},
    });
    let mut config = EdgeConfig::new(compiled.to_string());
    config.destinations = vec![Destination::backend(origin.parse().unwrap())];
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_a_cut_stream_stays_cut_whatever_stands_between() {
    let upstream = Upstream::start().await;
    for foreign in [None, Some("passes_the_stream_on"), Some("swallows_trailers"), Some("ends_before_it_began")] {
        let mut parts = vec![Part::new("auth", component("auth"))];
        let granted = Access::Granted(Grants { network: Some(Vec::new()), ..Grants::default() });
        parts.extend(foreign.map(|name| Part::new(name, guest(name)).with(granted)));
        parts.push(Part::new("planner", guest("adds_a_plan")));
        parts.push(Part::new("translator", component("translator")));
        let served = serve(Edge::new(options_of(parts, config(&upstream))).unwrap());
        for _ in 0..10 {
            let body = json!({"model": "sim", "stream": true, "messages": [{"role": "user", "content": "How wide?"}]});
            let (body, addr) = (body.to_string(), served.addr);
            let request = format!(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {KEY}\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let answer = Client::send(addr, request.as_bytes()).await.read_to_end().await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("a wide "), "{foreign:?}: {answer}");
            assert!(answer.contains(r#""error""#), "{foreign:?}: there is no error event: {answer}");
            assert!(!answer.contains("\r\n0\r\n"), "{foreign:?}: it must not look whole: {answer}");
            assert!(!answer.contains("x-weir-"), "{foreign:?}: {answer}");
        }
        until("all is over", || read(&served.edge.stats().in_flight) == 0).await;
        assert_eq!(read(&served.edge.stats().aborted), 10, "{foreign:?}");
    }
}
