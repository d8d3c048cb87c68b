//! Connections to one server: kept, used again, closed; and whom it is trusted to be.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use weir_serve::{
    Body, Client, ClientError, ClientOptions, Dialer, Listener, Peer, ServeLimits, Shutdown, ShutdownTrigger, Target,
    Upstream, full, serve,
};

/// A server that says what it was asked for, and how.
struct Server {
    port: u16,
    _stop: ShutdownTrigger,
}

async fn tell(request: Request<Body>, _: Peer) -> Response<Body> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/large" {
        return Response::new(full(vec![b'x'; 1024 * 1024]));
    }
    let body = body.collect().await.unwrap().to_bytes();
    let host = head.headers.get("host").and_then(|host| host.to_str().ok()).or(head.uri.host()).unwrap_or_default();
    Response::new(full(format!("{:?} {host} {} {}", head.version, head.uri.path(), body.len())))
}

fn start(tls: Option<std::sync::Arc<rustls::ServerConfig>>) -> Server {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = listener.local_addr().port();
    let (stop, shutdown) = Shutdown::new();
    tokio::spawn(serve(listener, tls, tell, ServeLimits::default(), shutdown));
    Server { port, _stop: stop }
}

fn target(server: &Server) -> Target {
    let authority = format!("127.0.0.1:{}", server.port);
    Target { tls: false, host: "127.0.0.1".into(), port: server.port, authority, server_name: None, h2c: false }
}

fn dialer() -> Dialer {
    Dialer::new(ClientOptions { pool_idle_timeout: Duration::from_millis(200), ..ClientOptions::default() }).unwrap()
}

async fn ask(upstream: &Upstream) -> Result<String, ClientError> {
    let request = Request::post("/a?b").body(full(Bytes::from_static(b"four"))).unwrap();
    let answer = upstream.send(request).await?;
    Ok(String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn a_connection_is_used_again_and_closed_when_it_has_waited_for_too_long() {
    let server = start(None);
    let upstream = Upstream::new(dialer(), &target(&server)).unwrap();
    for _ in 0..20 {
        let told = ask(&upstream).await.unwrap();
        assert_eq!(told, format!("HTTP/1.1 127.0.0.1:{} /a 4", server.port));
        assert_eq!(upstream.idle(), 1);
    }
    let both = tokio::join!(ask(&upstream), ask(&upstream));
    assert!(both.0.is_ok() && both.1.is_ok());
    assert_eq!(upstream.idle(), 2);
    upstream.sweep();
    assert_eq!(upstream.idle(), 2);
    tokio::time::sleep(Duration::from_millis(220)).await;
    upstream.sweep();
    assert_eq!(upstream.idle(), 0);
    ask(&upstream).await.unwrap();
    upstream.close();
    assert_eq!(upstream.idle(), 0);
    ask(&upstream).await.unwrap();
    assert_eq!(upstream.idle(), 0, "none is kept any more");
}

#[tokio::test]
async fn connections_that_the_server_closed_are_replaced() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server { port, _stop: Shutdown::new().0 };
    let upstream = Upstream::new(dialer(), &target(&server)).unwrap();
    let answers = async {
        let mut connections = 0;
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            connections += 1;
            if connections == 4 {
                return;
            }
            // One answer, and the connection is closed although nothing said so.
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut seen = [0; 1024];
            let _ = stream.read(&mut seen).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        }
    };
    let asks = async {
        for _ in 0..3 {
            assert_eq!(ask(&upstream).await.unwrap(), "ok");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let closed = ask(&upstream).await.unwrap_err();
        assert!(matches!(closed, ClientError::Closed(_)), "{closed}");
    };
    tokio::join!(asks, async { tokio::time::timeout(Duration::from_secs(5), answers).await.unwrap() });
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_stated_and_where_tls_negotiates_it() {
    let server = start(None);
    let h2c = Target { h2c: true, authority: "model.example".into(), ..target(&server) };
    let upstream = Upstream::new(dialer(), &h2c).unwrap();
    let all = futures::future::join_all((0..50).map(|_| ask(&upstream))).await;
    assert!(all.iter().all(|told| told.as_deref().is_ok_and(|told| told == "HTTP/2.0 model.example /a 4")), "{all:?}");
    assert_eq!(upstream.idle(), 0);

    let made = rcgen::generate_simple_self_signed(["kserve.svc".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let server = start(Some(weir_serve::server_tls(&cert, &key).unwrap()));
    let secure = Target { tls: true, server_name: Some("kserve.svc".into()), ..target(&server) };
    let trusting = dialer().trusting(made.cert.pem().as_bytes()).unwrap();
    let upstream = Upstream::new(trusting.clone(), &secure).unwrap();
    for _ in 0..3 {
        assert!(ask(&upstream).await.unwrap().starts_with("HTTP/2.0 127.0.0.1"));
    }
    let other_name = Target { server_name: Some("other.svc".into()), ..secure.clone() };
    let refused = ask(&Upstream::new(trusting, &other_name).unwrap()).await.unwrap_err();
    assert!(matches!(refused, ClientError::Tls { .. }), "{refused}");
    let refused = ask(&Upstream::new(dialer(), &secure).unwrap()).await.unwrap_err();
    assert!(matches!(refused, ClientError::Tls { .. }), "another authority: {refused}");
}

#[tokio::test]
async fn s9_answers_that_nobody_reads_hold_up_none_of_the_others_on_their_connection() {
    let server = start(None);
    let h2c = Target { h2c: true, ..target(&server) };
    let upstream = Upstream::new(dialer(), &h2c).unwrap();
    let client = Client::new(ClientOptions { h2c: true, ..ClientOptions::default() }).unwrap();
    let (mut unread, large) = (Vec::new(), format!("http://127.0.0.1:{}/large", server.port));
    for _ in 0..100 {
        let answer = upstream.send(Request::get("/large").body(weir_serve::empty()).unwrap()).await.unwrap();
        let other = client.send(Request::get(&large).body(weir_serve::empty()).unwrap()).await.unwrap();
        unread.extend([answer, other]);
    }
    // Until each has all that it may hold.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let soon = Duration::from_secs(10);
    assert!(tokio::time::timeout(soon, ask(&upstream)).await.is_ok_and(|told| told.is_ok()));
    let small = Request::get(format!("http://127.0.0.1:{}/", server.port)).body(weir_serve::empty()).unwrap();
    let read = async { client.send(small).await.unwrap().into_body().collect().await.unwrap().to_bytes() };
    assert!(tokio::time::timeout(soon, read).await.is_ok_and(|told| told.starts_with(b"HTTP/2.0")));
}

#[tokio::test]
async fn s1_a_call_that_is_dropped_closes_its_connection_at_once() {
    use tokio::io::AsyncReadExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server { port: listener.local_addr().unwrap().port(), _stop: Shutdown::new().0 };
    let upstream = Upstream::new(dialer(), &target(&server)).unwrap();
    let call = tokio::time::timeout(Duration::from_millis(100), ask(&upstream));
    let (waited, accepted) = tokio::join!(call, listener.accept());
    assert!(waited.is_err());
    let (mut stream, _) = accepted.unwrap();
    let mut seen = Vec::new();
    tokio::time::timeout(Duration::from_millis(250), stream.read_to_end(&mut seen)).await.unwrap().unwrap();
    assert!(seen.starts_with(b"POST /a?b HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&seen));
}
