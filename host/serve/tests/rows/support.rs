//! A listener to be tested, a byte-exact client, and an upstream that follows a script.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use weir_serve::{
    Body, Drained, Listener, Peer, RequestBodyError, ServeLimits, Shutdown, ShutdownTrigger, full, serve,
};

/// Long enough for anything that should happen on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) struct Host {
    pub(crate) addr: SocketAddr,
    pub(crate) trigger: ShutdownTrigger,
    pub(crate) shutdown: Shutdown,
    pub(crate) served: JoinHandle<Drained>,
}

impl Host {
    pub(crate) fn start<S, F>(limits: ServeLimits, service: S) -> Self
    where
        S: Fn(Request<Body>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::start_tls(limits, None, service)
    }

    pub(crate) fn start_tls<S, F>(limits: ServeLimits, tls: Option<Arc<rustls::ServerConfig>>, service: S) -> Self
    where
        S: Fn(Request<Body>, Peer) -> F + Clone + Send + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let addr = listener.local_addr();
        let (trigger, shutdown) = Shutdown::new();
        let served = tokio::spawn(serve(listener, tls, service, limits, shutdown.clone()));
        Self { addr, trigger, shutdown, served }
    }

    pub(crate) async fn connect(&self) -> Raw {
        Raw(TcpStream::connect(self.addr).await.unwrap())
    }

    /// Sends these bytes on a connection of their own, and reads until the host closes it, or says
    /// nothing for a while.
    pub(crate) async fn talk(&self, bytes: &[u8]) -> String {
        let mut raw = self.connect().await;
        raw.send(bytes).await;
        raw.read_for(Duration::from_millis(400)).await
    }
}

/// What the service saw of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<Seen>>>);

impl Record {
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// A service that reads the body, records what it saw and answers `ok`; where reading fails, the
    /// status that says why, with nothing recorded.
    pub(crate) fn service(
        &self,
    ) -> impl Fn(Request<Body>, Peer) -> futures::future::BoxFuture<'static, Response<Body>> + Clone + Send + 'static
    {
        let record = self.clone();
        move |request, _| {
            let record = record.clone();
            Box::pin(async move {
                let (parts, body) = request.into_parts();
                match body.collect().await {
                    Ok(body) => {
                        record.0.lock().unwrap().push(Seen {
                            method: parts.method.to_string(),
                            target: parts.uri.to_string(),
                            headers: parts.headers,
                            body: body.to_bytes(),
                        });
                        Response::new(full("ok"))
                    }
                    Err(error) => {
                        let why = RequestBodyError::find(&*error).expect("a typed error");
                        let mut response = Response::new(full(why.to_string()));
                        *response.status_mut() = why.status();
                        response
                    }
                }
            })
        }
    }
}

/// A client that sends exactly the bytes it is given.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // The host may close before it has read all: that is an answer too.
        let _ = self.0.write_all(bytes).await;
    }

    /// What comes until the other side closes, or says nothing for `quiet`.
    pub(crate) async fn read_for(&mut self, quiet: Duration) -> String {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(Ok(count)) = tokio::time::timeout(quiet, self.0.read(&mut buffer)).await {
            if count == 0 {
                break;
            }
            all.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut all = Vec::new();
        let reading = async {
            while !String::from_utf8_lossy(&all).contains(end) {
                let mut buffer = [0; 1024];
                let count = self.0.read(&mut buffer).await.unwrap();
                assert_ne!(count, 0, "closed before {end:?}: {}", String::from_utf8_lossy(&all));
                all.extend_from_slice(&buffer[..count]);
            }
        };
        tokio::time::timeout(SOON, reading).await.expect("in time");
        String::from_utf8_lossy(&all).into_owned()
    }

    /// Waits until the other side has closed or reset.
    pub(crate) async fn closed(&mut self) {
        let reading = async {
            let mut buffer = [0; 1024];
            while !matches!(self.0.read(&mut buffer).await, Ok(0) | Err(_)) {}
        };
        tokio::time::timeout(SOON, reading).await.expect("closed in time");
    }

    /// Leaves with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.0).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// The status codes in what an HTTP/1 server wrote, in order.
pub(crate) fn statuses(answer: &str) -> Vec<u16> {
    answer.split("HTTP/1.").skip(1).filter_map(|rest| rest.get(2..5)?.parse().ok()).collect()
}

/// An upstream of raw sockets: gives each accepted connection to `script`.
pub(crate) async fn upstream<S, F>(script: S) -> SocketAddr
where
    S: Fn(Raw) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(script(Raw(stream)));
        }
    });
    addr
}

/// Says when it is dropped.
pub(crate) struct OnDrop(Option<tokio::sync::oneshot::Sender<()>>);

impl OnDrop {
    pub(crate) fn new() -> (Self, tokio::sync::oneshot::Receiver<()>) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        (Self(Some(sender)), receiver)
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(());
        }
    }
}

/// An HTTP/2 frame, byte-exact: kind, flags, stream, payload.
pub(crate) fn h2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The preface, and empty SETTINGS.
pub(crate) fn h2_start() -> Vec<u8> {
    let mut start = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    start.extend(h2_frame(4, 0, 0, b""));
    start
}

/// The HPACK form of `GET http://a/`, its authority a literal that is not indexed.
pub(crate) const H2_HEADERS: &[u8] = b"\x82\x86\x84\x01\x01a";
