//! The stand-in as a program, told what to do over HTTP.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

struct Program {
    child: Child,
    address: String,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_weir-apiserver")).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("ready on http://").unwrap().to_owned();
        Self { child, address }
    }

    /// The status and what follows the head.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer controller-token\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PODS: &str = "/api/v1/namespaces/models/pods";

#[test]
fn objects_come_from_files_and_from_orders() {
    let folder = tempfile::tempdir().unwrap();
    let objects = folder.path().join("objects.yaml");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: NAME, namespace: models }\n";
    std::fs::write(&objects, format!("{}---\n{}", pod.replace("NAME", "a"), pod.replace("NAME", "b"))).unwrap();
    let kubeconfig = folder.path().join("config");
    let program =
        Program::start(&["--objects", objects.to_str().unwrap(), "--kubeconfig", kubeconfig.to_str().unwrap()]);
    assert!(std::fs::read_to_string(&kubeconfig).unwrap().contains(&program.address));

    let (status, list) = program.ask("GET", PODS, "");
    assert_eq!((status, list.matches("\"name\":").count()), (200, 2), "{list}");
    let another = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c","namespace":"models"}}"#;
    assert_eq!(program.ask("PUT", "/_test/objects", another).0, 200);
    assert_eq!(program.ask("DELETE", "/_test/objects/pods/models/a", "").1, r#"{"deleted":true}"#);
    let (_, list) = program.ask("GET", PODS, "");
    assert!(!list.contains("\"a\"") && list.contains("\"c\""), "{list}");

    assert_eq!(program.ask("PUT", "/_test/objects", r#"{"kind":"Sofa"}"#).0, 422);
    assert_eq!(program.ask("POST", "/_test/refuse", r#"{"code":503,"verb":"list","retryAfter":7}"#).0, 200);
    assert_eq!(program.ask("GET", PODS, "").0, 503);
    assert_eq!(program.ask("GET", PODS, "").0, 200);
    assert_eq!(program.ask("POST", "/_test/refuse", r#"{"cod":503}"#).0, 400);

    assert_eq!(program.ask("POST", "/_test/interrupt/pods", r#""kill""#).0, 200);
    assert_eq!(program.ask("POST", "/_test/serve/inferenceservices", "[]").0, 200);
    assert_eq!(program.ask("GET", "/apis/serving.kserve.io/v1beta1/inferenceservices", "").0, 404);
    assert_eq!(program.ask("POST", "/_test/tokens", "[]").0, 200);
    assert_eq!(program.ask("GET", PODS, "").0, 401);
    let (_, asked) = program.ask("GET", "/_test/asked", "");
    assert!(asked.contains("\"status\":503"), "{asked}");
}

#[test]
fn a_watch_speaks_the_wire_format_of_the_recordings() {
    let program = Program::start(&[]);
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"models"}}"#;
    program.ask("PUT", "/_test/objects", pod);
    let (status, events) = program.ask("GET", &format!("{PODS}?watch=1&allowWatchBookmarks=1&timeoutSeconds=1"), "");
    assert_eq!(status, 200);
    assert!(
        events.contains(r#"{"type":"ADDED","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a""#),
        "{events}"
    );
    let bookmark =
        r#"{"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":"101"}}}"#;
    assert!(events.contains(bookmark), "{events}");
    program.ask("POST", "/_test/compact", "");
    let (_, events) = program.ask("GET", &format!("{PODS}?watch=1&resourceVersion=5"), "");
    let gone = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\
                \"message\":\"too old resource version: 5 (101)\",\"reason\":\"Expired\",\"code\":410}}\n";
    assert!(events.contains(gone), "{events}");
}
