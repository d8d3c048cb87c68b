//! The API server over TLS, as a kubeconfig tells of it: whom to trust, and with which token.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;
use weir_apiserver::{ApiServer, Running, Tls};
use weir_kube::objects::Pod;
use weir_kube::watch::{ConnectError, ConnectOptions, Kube, Need, Store, WatchStatus, Watches, WatchesOptions};

use support::{had, hasty, held, pod, three_pods};

/// Who vouches for an API server.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// What an API server of this name needs.
    fn vouches_for(&self, name: &str) -> Tls {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
    }
}

/// An API server with three pods, and a folder for the files of those who call it.
struct Scene {
    server: ApiServer,
    running: Running,
    folder: TempDir,
}

impl Scene {
    async fn with(tls: Tls) -> Self {
        let server = three_pods();
        let running = server.listen_tls("127.0.0.1:0".parse().unwrap(), tls).await.unwrap();
        Self { server, running, folder: TempDir::new().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// With members of a kubeconfig's `cluster` and `user`.
    async fn connect(&self, cluster: &Value, user: &Value) -> Result<Kube, ConnectError> {
        let mut told = json!({"server": self.running.url()});
        told.as_object_mut().unwrap().extend(cluster.as_object().unwrap().clone());
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": told}], "users": [{"name": "it", "user": user}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        });
        let path = self.file("kubeconfig", &config.to_string());
        Kube::connect(&ConnectOptions { kubeconfig: Some(Path::new(&path).to_owned()), context: None }).await
    }

    async fn watch(&self, cluster: &Value, user: &Value) -> (Watches, Store<Pod>) {
        let kube = self.connect(cluster, user).await.unwrap();
        let mut watches = Watches::new(&kube, WatchesOptions { limits: hasty(), ..WatchesOptions::default() });
        let store = watches.add(Need::Required, None);
        (watches, store)
    }

    /// Waits until the store says what the server says.
    async fn until_equal(&self, watches: &Watches, store: &Store<Pod>) {
        let begun = Instant::now();
        while held(store) != had::<Pod>(&self.server) {
            assert!(begun.elapsed() < Duration::from_secs(30), "never: {:#?}", watches.status());
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The first failure that is told.
    async fn problem(&self, watches: &Watches) -> WatchStatus {
        for _ in 0..2_000 {
            let status = watches.status().remove(0);
            if status.problem.is_some() {
                return status;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing fails: {:#?}", watches.status());
    }
}

fn token() -> Value {
    json!({"token": "controller-token"})
}

#[tokio::test]
async fn the_authority_of_a_kubeconfig_is_trusted() {
    let authority = Authority::new();
    let scene = Scene::with(authority.vouches_for("127.0.0.1")).await;
    let file = json!({"certificate-authority": scene.file("ca.pem", &authority.pem)});
    let data = json!({"certificate-authority-data": STANDARD.encode(&authority.pem)});
    for cluster in [file, data] {
        let (watches, store) = scene.watch(&cluster, &token()).await;
        scene.until_equal(&watches, &store).await;
        assert_eq!(store.len(), 3);
    }
}

#[tokio::test]
async fn another_authority_is_not_and_the_problem_says_so() {
    let scene = Scene::with(Authority::new().vouches_for("127.0.0.1")).await;
    let other = scene.file("ca.pem", &Authority::new().pem);
    for cluster in [json!({"certificate-authority": other}), json!({})] {
        let (watches, store) = scene.watch(&cluster, &token()).await;
        let problem = scene.problem(&watches).await.problem.unwrap();
        assert!(problem.starts_with("unreachable: ") && problem.contains("certificate"), "{problem}");
        assert!(problem.contains("UnknownIssuer") || problem.contains("BadSignature"), "{problem}");
        assert!(store.is_empty());
    }
    assert!(scene.server.asked().is_empty(), "nobody who is not trusted is shown a token: {:?}", scene.server.asked());
}

#[tokio::test]
async fn the_certificate_must_have_the_servers_name() {
    let authority = Authority::new();
    let scene = Scene::with(authority.vouches_for("kubernetes.example")).await;
    let ca = scene.file("ca.pem", &authority.pem);
    let (watches, store) = scene.watch(&json!({"certificate-authority": ca}), &token()).await;
    let problem = scene.problem(&watches).await.problem.unwrap();
    assert!(problem.contains("not valid for name") && problem.contains("kubernetes.example"), "{problem}");
    assert!(store.is_empty());

    let named = json!({"certificate-authority": ca, "tls-server-name": "kubernetes.example"});
    let (watches, store) = scene.watch(&named, &token()).await;
    scene.until_equal(&watches, &store).await;
}

#[tokio::test]
async fn what_a_kubeconfig_names_and_nobody_can_read_is_named() {
    let authority = Authority::new();
    let scene = Scene::with(authority.vouches_for("127.0.0.1")).await;
    let good = json!({"certificate-authority": scene.file("ca.pem", &authority.pem)});
    let cases = [
        (json!({"certificate-authority": "/nowhere/ca.pem"}), token(), "/nowhere/ca.pem"),
        (json!({"certificate-authority": scene.file("text.pem", "no certificate")}), token(), "no certificate"),
        (good.clone(), json!({"tokenFile": scene.file("empty", "\n")}), "no token"),
        (good, json!({"tokenFile": "/nowhere/token"}), "/nowhere/token"),
    ];
    for (cluster, user, named) in cases {
        let Err(error) = scene.connect(&cluster, &user).await else { panic!("{cluster} {user} can be used") };
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        assert!(text.contains(named), "{text}");
    }
}

#[tokio::test]
async fn a_token_that_rotates_in_its_file_is_read_again() {
    let authority = Authority::new();
    let scene = Scene::with(authority.vouches_for("127.0.0.1")).await;
    let ca = scene.file("ca.pem", &authority.pem);
    let path = scene.file("token", "controller-token\n");
    let (watches, store) = scene.watch(&json!({"certificate-authority": ca}), &json!({"tokenFile": path})).await;
    scene.until_equal(&watches, &store).await;

    scene.file("token", "another-token\n");
    scene.server.tokens(["another-token"]);
    scene.server.interrupt("pods", weir_apiserver::Interruption::End);
    scene.server.put(pod("models", "d")).unwrap();
    scene.until_equal(&watches, &store).await;
    assert_eq!(store.len(), 4);

    // The server knows the next token before the file has it.
    scene.server.tokens(["a-third-token"]);
    scene.server.interrupt("pods", weir_apiserver::Interruption::End);
    scene.server.put(pod("models", "e")).unwrap();
    let status = scene.problem(&watches).await;
    assert!(status.problem.as_deref().is_some_and(|problem| problem.starts_with("unauthorized: ")), "{status:#?}");
    assert_eq!(store.len(), 4, "what was known stays");
    scene.file("token", "a-third-token");
    scene.until_equal(&watches, &store).await;
    assert_eq!(store.len(), 5);
}
