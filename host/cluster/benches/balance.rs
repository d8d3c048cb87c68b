//! What it costs to choose an endpoint and to give it back, and to be told a thousand models anew.

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use prometheus_client::registry::Registry;
use weir_cluster::fleet::{Fleet, Share, Take, Terms};
use weir_cluster::{
    CallRefused, CallVerifier, Cluster, ClusterOptions, EndpointOptions, Health, Model, SignedCall, Watched,
};
use weir_core::UnixMillis;

fn choose(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("choose_and_release");
    for endpoints in [1, 3, 8, 64, 1024] {
        let mut fleet: Fleet<usize, (), ()> = Fleet::new(Health::default(), 64, 1);
        let now = Instant::now();
        let ids: Vec<_> = (0..endpoints).map(|index| fleet.add(index, Terms { cap: 1 << 20, open: true })).collect();
        let model = fleet.add_model(vec![Share { version: (), weight: 1, endpoints: ids }]);
        // Some load, unevenly.
        for _ in 0..endpoints * 3 / 2 {
            fleet.take(model, &[], now);
        }
        group.bench_with_input(BenchmarkId::from_parameter(endpoints), &model, |bencher, &model| {
            bencher.iter(|| {
                if let (Take::Granted(grant), _) = fleet.take(black_box(model), &[], now) {
                    fleet.release(grant.id, grant.probe, now);
                }
            });
        });
    }
    group.finish();
}

/// Takes anything: no call is made here.
struct Nobody;

impl CallVerifier for Nobody {
    fn verify_head(&self, _: &http::request::Parts, _: UnixMillis) -> Result<SignedCall, CallRefused> {
        Err(CallRefused("nobody calls".into()))
    }
}

fn thousand() -> Vec<Model> {
    let endpoint = |model: usize, at: usize| {
        let address = format!("http://10.{}.{}.{at}:8080", model / 250, model % 250);
        let origin = address.parse().expect("an origin");
        EndpointOptions { watched: Watched::Elsewhere, ..EndpointOptions::new(origin, "/v1") }
    };
    let model = |model| Model {
        aliases: vec![format!("publishers/ns/models/m{model}")],
        ..Model::new(format!("m{model}"), (0..5).map(|at| endpoint(model, at)).collect())
    };
    (0..1_000).map(model).collect()
}

/// A thousand models of five endpoints each, of which one is told anew.
fn reload(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let mut models = thousand();
    let options = ClusterOptions { models: models.clone(), ..ClusterOptions::default() };
    let cluster = Cluster::new(options, Nobody, &mut Registry::default()).expect("a data plane");
    let mut turn = 0;
    criterion.bench_function("reload_one_of_a_thousand", |bencher| {
        bencher.iter(|| {
            let endpoint = &mut models[turn % 1_000].versions[0].endpoints[0];
            endpoint.draining = !endpoint.draining;
            turn += 1;
            cluster.reload(black_box(&models)).expect("it is taken");
        });
    });
    criterion.bench_function("snapshot_of_a_thousand", |bencher| bencher.iter(|| black_box(cluster.snapshot())));
}

criterion_group!(benches, choose, reload);
criterion_main!(benches);
