//! How long composing takes: the four parts as they are built, with a configuration baked. `make components` comes first.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use weir_compose::{Access, Around, Chain, Grants, Part, inspect};

fn chain(config_bytes: usize) -> Chain {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components");
    let read = |name: &str| std::fs::read(folder.join(format!("{name}.wasm"))).unwrap();
    let config = "weir \"and\" ".repeat(config_bytes / 11);
    let grants = |name: &str| {
        let secrets = match name {
            "limiter" | "translator" => [("edge-key".to_owned(), "edge-key".to_owned())].into(),
            _ => Default::default(),
        };
        Grants { config: Some(config.clone()), secrets, ..Grants::default() }
    };
    let parts = ["auth", "router", "limiter", "translator"]
        .map(|name| Part::new(name, read(name)).with(Access::Settings(grants(name))));
    let around = Around { settings: Some(read("settings-env")), ..Around::from_folder(&folder).unwrap() };
    Chain { tenant: None, parts: parts.to_vec(), around }
}

fn composing(bench: &mut Criterion) {
    for (name, bytes) in [("8 KiB", 8 << 10), ("1 MiB", 1 << 20)] {
        let chain = chain(bytes);
        bench.bench_function(&format!("compose four parts, configuration of {name}"), |b| {
            b.iter(|| black_box(&chain).compose().unwrap());
        });
    }
    let composed = chain(8 << 10).compose().unwrap();
    bench.bench_function("inspect", |b| b.iter(|| inspect(black_box(&composed.bytes)).unwrap()));
}

criterion_group!(benches, composing);
criterion_main!(benches);
