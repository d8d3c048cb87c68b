//! Asks a listener of Weir whether it is well, for the health checks of containers that have no shell and no curl:
//! `probe [HOST:PORT [PATH]]`, by default `127.0.0.1:3000 /healthz`. Exits with 0 where the answer is 200, with 1
//! otherwise. Speaks plain HTTP only: where the listener speaks TLS, let the orchestrator ask.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".into());
    let path = arguments.next().unwrap_or_else(|| "/healthz".into());
    match ask(&address, &path) {
        Ok(status) if status == "200" => ExitCode::SUCCESS,
        Ok(status) => fail(&format!("{address}{path}: {status}")),
        Err(error) => fail(&format!("{address}{path}: {error}")),
    }
}

/// The status of the answer to a GET.
fn ask(address: &str, path: &str) -> std::io::Result<String> {
    let unknown = || std::io::Error::other("no such address");
    let to = address.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    // `HTTP/1.1 200`: the status line's first twelve bytes.
    let mut line = [0; 12];
    stream.read_exact(&mut line)?;
    Ok(String::from_utf8_lossy(&line[9..]).into_owned())
}

fn fail(why: &str) -> ExitCode {
    eprintln!("probe: {why}");
    ExitCode::FAILURE
}
