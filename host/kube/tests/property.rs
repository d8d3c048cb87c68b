//! Whatever happens to objects and to connections, in any order: in the end the store is what the server has.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;
use weir_apiserver::{ApiServer, Interruption, Refusal, Verb};
use weir_kube::objects::{Pod, Resource};

use support::{One, pod};

/// Something that happens.
#[derive(Clone, Debug)]
enum Act {
    Put(u8),
    Delete(u8),
    DeleteNamespace(bool),
    Compact,
    Interrupt(Interruption),
    Refuse(u16, Verb, u32),
    Uninstall,
    Install,
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let interruption = prop_oneof![
        Just(Interruption::End),
        Just(Interruption::Kill),
        Just(Interruption::HalfClose),
        Just(Interruption::Silence),
        Just(Interruption::Repeat),
        Just(Interruption::Bookmark),
        Just(Interruption::Send("garbage\n".into())),
        Just(Interruption::Send("{\"type\":\"ADDED\",\"object\":{}}\n".into())),
        prop::sample::select(vec![410, 500, 504, 429]).prop_map(Interruption::Error),
        (1_usize..50).prop_map(Interruption::Slowly),
    ];
    let refusal = (
        prop::sample::select(vec![401, 403, 404, 410, 429, 500, 503, 504, 400]),
        prop::sample::select(vec![Verb::List, Verb::Watch]),
        1_u32..4,
    );
    prop_oneof![
        8 => any::<u8>().prop_map(|n| Act::Put(n % 12)),
        4 => any::<u8>().prop_map(|n| Act::Delete(n % 12)),
        1 => any::<bool>().prop_map(Act::DeleteNamespace),
        1 => Just(Act::Compact),
        4 => interruption.prop_map(Act::Interrupt),
        2 => refusal.prop_map(|(code, verb, times)| Act::Refuse(code, verb, times)),
        1 => Just(Act::Uninstall),
        1 => Just(Act::Install),
        4 => (0_u64..100_000).prop_map(Act::Wait),
    ]
}

fn place(n: u8) -> (&'static str, String) {
    (if n.is_multiple_of(2) { "even" } else { "odd" }, format!("pod-{n}"))
}

async fn play(server: &ApiServer, act: Act) {
    match act {
        Act::Put(n) => {
            let (namespace, name) = place(n);
            server.put(pod(namespace, &name)).unwrap();
        }
        Act::Delete(n) => {
            let (namespace, name) = place(n);
            server.delete("pods", namespace, &name);
        }
        Act::DeleteNamespace(even) => server.delete_namespace(if even { "even" } else { "odd" }),
        Act::Compact => server.compact(),
        Act::Interrupt(interruption) => server.interrupt("pods", interruption),
        Act::Refuse(code, verb, times) => server.refuse(Refusal::status(code).of("pods", verb).times(times)),
        Act::Uninstall => server.serve("pods", &[]),
        Act::Install => server.serve("pods", &["v1"]),
        Act::Wait(milliseconds) => sleep(Duration::from_millis(milliseconds)).await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_ends_as_what_the_server_has(acts in prop::collection::vec(act(), 1..60), pages in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let server = ApiServer::new();
            // With pages of their own, too.
            for n in 0..if pages { 600 } else { 5 } {
                server.put(pod("many", &format!("pod-{n}"))).unwrap();
            }
            let one = One::<Pod>::watching(server).await;
            for act in acts {
                play(&one.server, act).await;
            }
            one.server.serve("pods", &["v1"]);
            one.server.put(pod("even", "the-last")).unwrap();
            one.until_equal().await;
            assert!(one.store.objects().iter().all(|pod| !pod.metadata().uid.is_empty()));
        });
    }
}
