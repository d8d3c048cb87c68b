//! What `host` in a file comes to: the settings that the data plane and discovery are made from.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use weir_config::settings::{
    HealthSettings, HedgeAfter, HedgeSettings, HostSettings, KubernetesSettings, WorkloadTrust,
};
use weir_config::{Machine, load_bytes};
use weir_core::Pattern;

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// The settings of a host that is otherwise good.
fn host(rest: &str) -> HostSettings {
    let folder = tempfile::tempdir().unwrap();
    let (_, public) = weir_config::keys::new_edge_key(&[7; 32]);
    fs::write(folder.path().join("authorities.pem"), PEM).unwrap();
    let text =
        format!("host:\n  name: t2\n  edges: [{{ name: e1, public_key: {{ hex: {} }} }}]\n{rest}", public.trim());
    match load_bytes("weir.yaml", text.as_bytes(), folder.path(), &Machine) {
        Ok(loaded) => loaded.host.unwrap(),
        Err(report) => panic!("{}", report.render(false)),
    }
}

#[test]
fn nothing_said_is_the_whole_cluster_by_what_kubectl_knows() {
    let all = KubernetesSettings {
        namespaces: vec![],
        selector: None,
        kubeconfig: None,
        context: None,
        max_in_flight: 256,
        domain: "cluster.local".into(),
        trust: WorkloadTrust::default(),
    };
    let settings = host("  kubernetes: {}\n");
    assert_eq!(settings.kubernetes, Some(all));
    assert!(settings.models.is_empty(), "a host that finds its models needs none in its file");
    assert_eq!((settings.health, settings.hedge), (Some(HealthSettings::default()), None));
}

#[test]
fn what_is_said_of_the_cluster_is_kept() {
    let settings = host(
        "  kubernetes:\n    namespaces: [models, research]\n    selector: ' team=research '\n    kubeconfig: kube/config\n    \
         context: staging\n    max_in_flight: 64\n    domain: cluster.example.\n",
    );
    let kubernetes = settings.kubernetes.unwrap();
    assert_eq!(kubernetes.namespaces, ["models", "research"]);
    assert_eq!(
        (kubernetes.selector.as_deref(), kubernetes.context.as_deref()),
        (Some("team=research"), Some("staging"))
    );
    assert!(kubernetes.kubeconfig.unwrap().is_absolute(), "paths are those of the file");
    assert_eq!(kubernetes.max_in_flight, 64);
    assert_eq!((kubernetes.domain.as_str(), kubernetes.trust), ("cluster.example", WorkloadTrust::default()));

    let settings = host("  kubernetes: { tls: { ca: authorities.pem, objects: { prod/llama: authorities.pem } } }\n");
    let trust = settings.kubernetes.unwrap().trust;
    assert_eq!(trust.all.as_deref(), Some(PEM.as_bytes()));
    assert_eq!(trust.objects[&("prod".into(), "llama".into())], PEM.as_bytes().into());
}

#[test]
fn what_is_said_of_a_server_is_kept() {
    let settings = host(
        "  models:\n    - name: llama\n      endpoints:\n        - { url: 'https://10.0.0.7:8443', ca: authorities.pem, server_name: llama.svc, \
         host: llama.example.com, grpc: 'https://10.0.0.7:9443' }\n        - { url: 'http://10.0.0.8:8000', http2: true }\n",
    );
    let [tls, plain] = settings.models[0].endpoints.as_slice() else { panic!("two servers") };
    let trust = tls.trust.as_ref().unwrap();
    assert_eq!((&*trust.pem, trust.server_name.as_deref()), (PEM.as_bytes(), Some("llama.svc")));
    assert_eq!(tls.host.as_deref(), Some("llama.example.com"));
    assert_eq!(tls.grpc.as_ref().unwrap().to_string(), "https://10.0.0.7:9443");
    assert!(plain.h2c && !tls.h2c && plain.trust.is_none() && plain.grpc.is_none());
}

#[test]
fn health_checks_can_be_switched_off_and_calls_hedged() {
    let models = "  models: [{ name: sim, endpoints: [] }]\n";
    let settings = host(&format!("{models}  health: off\n  hedge: {{ models: [embed-*] }}\n"));
    assert_eq!(settings.health, None);
    let standard =
        HedgeSettings { after: HedgeAfter::Percentile(95), percent: 5, models: vec![Pattern::new("embed-*")] };
    assert_eq!(settings.hedge, Some(standard));
    let settings = host(&format!("{models}  hedge: {{ after: 250ms, most: 20%, models: ['*'] }}\n"));
    let hedge = settings.hedge.unwrap();
    assert_eq!((hedge.after, hedge.percent), (HedgeAfter::Time(Duration::from_millis(250)), 20));
}

#[test]
fn the_example_in_front_of_kserve_can_be_loaded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/kserve/weir.yaml");
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("weir.yaml");
    fs::copy(path, &copy).unwrap();
    let first = weir_config::load(&copy).unwrap();
    let mut next = 0;
    weir_config::create_missing(&first, &mut |bytes: &mut [u8; 64]| {
        next += 1;
        bytes.fill(next);
    })
    .unwrap();
    let loaded = weir_config::load(&copy).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let key = loaded.admin_key().unwrap();
    let host = loaded.host.unwrap();
    assert_eq!(
        host.admin,
        Some(weir_core::config::KeyHash::of(key.expose())),
        "the console opens with what the file names"
    );
    assert!(host.kubernetes.is_some() && host.hedge.is_some() && host.admin.is_some());
    assert!(loaded.edge.is_some() && loaded.config.control.is_some());
}
