//! E4: the network policy holds after name resolution.

use tokio::sync::mpsc;
use weir_serve::{Client, ClientError, ClientOptions, NetworkPolicy, empty};

use crate::support::upstream;

#[tokio::test]
async fn e4_a_public_backend_cannot_reach_inside() {
    let (canary, mut hits) = mpsc::channel(16);
    let trap = upstream(move |_| {
        let canary = canary.clone();
        async move { canary.send(()).await.unwrap() }
    })
    .await;
    let options = ClientOptions { network: NetworkPolicy::Public, ..ClientOptions::default() };
    let client = Client::new(options).unwrap();
    // As a name, an address, a decimal number, octal, short, in IPv6 clothes.
    let hosts =
        ["localhost", "127.0.0.1", "2130706433", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"];
    for host in hosts {
        let request = http::Request::get(format!("http://{host}:{}/", trap.port())).body(empty()).unwrap();
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, ClientError::Blocked { .. }) && error.is_connect(), "{host}: {error:?}");
    }
    for host in ["169.254.169.254", "[fd00:ec2::254]", "10.0.0.1", "[fe80::1]"] {
        let request = http::Request::get(format!("http://{host}/")).body(empty()).unwrap();
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, ClientError::Blocked { .. }), "{host}: {error:?}");
    }
    assert!(hits.try_recv().is_err(), "something connected");
}

#[tokio::test]
async fn e4_a_private_backend_cannot_reach_metadata() {
    let options = ClientOptions { network: NetworkPolicy::Private, ..ClientOptions::default() };
    let client = Client::new(options).unwrap();
    for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "1.1.1.1"] {
        let request = http::Request::get(format!("http://{host}/")).body(empty()).unwrap();
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, ClientError::Blocked { .. }), "{host}: {error:?}");
    }
}
