//! What it costs to choose an endpoint and to give it back.

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use weir_cluster::Health;
use weir_cluster::fleet::{Fleet, Share, Take, Terms};

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

criterion_group!(benches, choose);
criterion_main!(benches);
