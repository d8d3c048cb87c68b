//! `wasi:sockets` for a component whose language runtime imports it, although its program opens no socket: no name is
//! found, no socket is made. Put into that component, what comes out asks the platform for no sockets at all.
//!
//! Of a socket that cannot be made there is no value, so nothing has to be said of its methods: the compiler knows.

mod bindings {
    #![allow(warnings, clippy::all)]
    wit_bindgen::generate!({ path: "wit", generate_all, pub_export_macro: true });
}
mod never;

use bindings::exports::wasi::sockets::instance_network::{self, Network};
use bindings::exports::wasi::sockets::ip_name_lookup::{self, NetworkBorrow, ResolveAddressStream};
use bindings::exports::wasi::sockets::network::{self, ErrorCode, IpAddressFamily};
use bindings::exports::wasi::sockets::tcp_create_socket::{self, TcpSocket};
use bindings::exports::wasi::sockets::udp_create_socket::{self, UdpSocket};

/// A value of this type does not exist.
enum Never {}

struct NoSockets;
bindings::export!(NoSockets with_types_in bindings);

/// A network that nothing can be done with.
struct Nowhere;
impl network::GuestNetwork for Nowhere {}

impl network::Guest for NoSockets {
    type Network = Nowhere;
}

impl instance_network::Guest for NoSockets {
    fn instance_network() -> Network {
        Network::new(Nowhere)
    }
}

impl ip_name_lookup::Guest for NoSockets {
    type ResolveAddressStream = Never;

    fn resolve_addresses(_: NetworkBorrow<'_>, _: String) -> Result<ResolveAddressStream, ErrorCode> {
        Err(ErrorCode::AccessDenied)
    }
}

impl tcp_create_socket::Guest for NoSockets {
    fn create_tcp_socket(_: IpAddressFamily) -> Result<TcpSocket, ErrorCode> {
        Err(ErrorCode::AccessDenied)
    }
}

impl udp_create_socket::Guest for NoSockets {
    fn create_udp_socket(_: IpAddressFamily) -> Result<UdpSocket, ErrorCode> {
        Err(ErrorCode::AccessDenied)
    }
}
