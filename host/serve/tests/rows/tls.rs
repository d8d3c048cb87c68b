//! TLS on both sides.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use weir_serve::{Client, ClientError, ClientOptions, ServeLimits, ServerTlsError, TlsRoots, empty, server_tls};

use crate::support::Host;

struct Pair {
    folder: tempfile::TempDir,
    pem: String,
}

fn certificate() -> Pair {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pem = made.cert.pem();
    std::fs::write(folder.path().join("cert.pem"), &pem).unwrap();
    std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    Pair { folder, pem }
}

fn secure_host(pair: &Pair, limits: ServeLimits) -> Host {
    let tls = server_tls(&pair.folder.path().join("cert.pem"), &pair.folder.path().join("key.pem")).unwrap();
    Host::start_tls(limits, Some(tls), |_, peer: weir_serve::Peer| async move {
        http::Response::new(weir_serve::full(format!("tls={}", peer.tls)))
    })
}

#[tokio::test]
async fn tls_negotiates_http_2() {
    let pair = certificate();
    let host = secure_host(&pair, ServeLimits::default());
    let options = ClientOptions { tls: TlsRoots::Pem(pair.pem.clone().into()), ..ClientOptions::default() };
    let client = Client::new(options).unwrap();
    let url = format!("https://localhost:{}/", host.addr.port());
    for _ in 0..3 {
        let response = client.send(http::Request::get(&url).body(empty()).unwrap()).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        assert_eq!(&response.into_body().collect().await.unwrap().to_bytes()[..], b"tls=true");
    }
}

#[tokio::test]
async fn r5_an_untrusted_certificate_is_a_tls_error() {
    let pair = certificate();
    let host = secure_host(&pair, ServeLimits::default());
    let client = Client::new(ClientOptions::default()).unwrap();
    let request = http::Request::get(format!("https://localhost:{}/", host.addr.port())).body(empty()).unwrap();
    let error = client.send(request).await.unwrap_err();
    assert!(matches!(error, ClientError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn w1_a_slow_handshake_is_cut() {
    let pair = certificate();
    let limits = ServeLimits { header_deadline: Duration::from_millis(300), ..ServeLimits::default() };
    let host = secure_host(&pair, limits);
    for first in [&b""[..], b"\x16\x03\x01\x02\x00"] {
        let started = Instant::now();
        let mut raw = host.connect().await;
        raw.send(first).await;
        raw.closed().await;
        assert!(started.elapsed() < Duration::from_millis(1500));
    }
}

#[test]
fn tls_files_have_clear_errors() {
    let (pair, other) = (certificate(), certificate());
    let path = |pair: &Pair, name: &str| pair.folder.path().join(name);
    let (cert, key) = (path(&pair, "cert.pem"), path(&pair, "key.pem"));
    assert!(server_tls(&cert, &key).is_ok());

    let missing = server_tls(&path(&pair, "none.pem"), &key).unwrap_err();
    assert!(matches!(&missing, ServerTlsError::Certificate { .. }) && missing.to_string().contains("none.pem"));
    assert!(matches!(server_tls(&key, &key).unwrap_err(), ServerTlsError::NoCertificate { .. }));
    assert!(matches!(server_tls(&cert, &cert).unwrap_err(), ServerTlsError::Key { .. }));
    assert!(matches!(server_tls(&cert, &path(&other, "key.pem")).unwrap_err(), ServerTlsError::Pair { .. }));
}
