//! W8, W10 and W12: whom a request is for, how much of it, and what never goes further.

use weir_serve::ServeLimits;

use crate::support::{Host, Record, statuses};

#[tokio::test]
async fn w8_an_unclear_host_is_refused() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let refused: &[&str] = &[
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a?x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a#x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\u{e9}\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        "GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n",
        "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n",
    ];
    for request in refused {
        let answer = host.talk(request.as_bytes()).await;
        assert_eq!(statuses(&answer), [400], "{request:?}: {answer}");
        assert!(record.take().is_empty(), "{request:?}");
    }
    let accepted: &[&str] = &[
        "GET http://A:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ];
    for request in accepted {
        let answer = host.talk(request.as_bytes()).await;
        assert_eq!(statuses(&answer), [200], "{request:?}: {answer}");
    }
}

#[tokio::test]
async fn w10_header_bombs_are_refused() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let with = |headers: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");

    let hundred = with(&"x: y\r\n".repeat(99));
    assert_eq!(statuses(&host.talk(hundred.as_bytes()).await), [200]);
    let one_more = with(&"x: y\r\n".repeat(100));
    assert_eq!(statuses(&host.talk(one_more.as_bytes()).await), [431]);
    let long_value = with(&format!("x: {}\r\n", "y".repeat(33 * 1024)));
    assert_eq!(statuses(&host.talk(long_value.as_bytes()).await), [431]);
    let endless = format!("GET / HTTP/1.1\r\nHost: a\r\nx: {}", "y".repeat(1024 * 1024));
    assert_eq!(statuses(&host.talk(endless.as_bytes()).await), [431]);
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(40 * 1024));
    assert_eq!(statuses(&host.talk(long_target.as_bytes()).await), [431]);
    assert_eq!(record.all().len(), 1);
}

#[tokio::test]
async fn w12_hop_by_hop_headers_go_no_further() {
    let record = Record::default();
    let host = Host::start(ServeLimits::default(), record.service());
    let answer = host
        .talk(
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close, x-internal-auth, host, content-length\r\n\
              X-Internal-Auth: root\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nProxy-Authorization: y\r\n\
              Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\nTE: gzip\r\nX_Weir_Principal: admin\r\n\
              X-Kept: 1\r\nContent-Length: 2\r\n\r\nhi",
        )
        .await;
    assert_eq!(statuses(&answer), [200], "{answer}");
    let seen = record.take().remove(0);
    let mut names: Vec<&str> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "host", "x-kept"]);
    assert_eq!(&seen.body[..], b"hi");
}

#[tokio::test]
async fn w12_hop_by_hop_headers_do_not_come_back() {
    let host = Host::start(ServeLimits::default(), |_, _| async {
        let mut response = http::Response::new(weir_serve::full("ok"));
        for (name, value) in [("connection", "x-secret"), ("x-secret", "1"), ("keep-alive", "1"), ("upgrade", "x")] {
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        response
    });
    let answer = host.talk(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.to_ascii_lowercase();
    assert_eq!(statuses(&answer.to_uppercase()), [200]);
    for name in ["connection:", "x-secret", "keep-alive", "upgrade"] {
        assert!(!answer.contains(name), "{name} in {answer}");
    }
}
