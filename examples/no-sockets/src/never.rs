//! The methods of what does not exist.

use crate::bindings::exports::wasi::sockets::ip_name_lookup::{GuestResolveAddressStream, IpAddress};
use crate::bindings::exports::wasi::sockets::network::{ErrorCode, IpSocketAddress};
use crate::bindings::exports::wasi::sockets::tcp::{
    self, Duration, GuestTcpSocket, InputStream, NetworkBorrow, OutputStream, ShutdownType, TcpSocket,
};
use crate::bindings::exports::wasi::sockets::udp::{
    self, GuestIncomingDatagramStream, GuestOutgoingDatagramStream, GuestUdpSocket, IncomingDatagram,
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream,
};
use crate::bindings::wasi::io::poll::Pollable;
use crate::{Never, NoSockets};

type Outcome<T = ()> = Result<T, ErrorCode>;

impl tcp::Guest for NoSockets {
    type TcpSocket = Never;
}

impl udp::Guest for NoSockets {
    type UdpSocket = Never;
    type IncomingDatagramStream = Never;
    type OutgoingDatagramStream = Never;
}

/// Methods of a value that does not exist: each is the match over its no cases.
macro_rules! methods {
    ($($name:ident($($argument:ty),*) -> $result:ty;)*) => { $(
        fn $name(&self, $(_: $argument),*) -> $result {
            match *self {}
        }
    )* };
}

impl GuestResolveAddressStream for Never {
    methods! {
        resolve_next_address() -> Outcome<Option<IpAddress>>;
        subscribe() -> Pollable;
    }
}

impl GuestTcpSocket for Never {
    methods! {
        start_bind(NetworkBorrow<'_>, IpSocketAddress) -> Outcome;
        finish_bind() -> Outcome;
        start_connect(NetworkBorrow<'_>, IpSocketAddress) -> Outcome;
        finish_connect() -> Outcome<(InputStream, OutputStream)>;
        start_listen() -> Outcome;
        finish_listen() -> Outcome;
        accept() -> Outcome<(TcpSocket, InputStream, OutputStream)>;
        local_address() -> Outcome<IpSocketAddress>;
        remote_address() -> Outcome<IpSocketAddress>;
        is_listening() -> bool;
        set_listen_backlog_size(u64) -> Outcome;
        keep_alive_enabled() -> Outcome<bool>;
        set_keep_alive_enabled(bool) -> Outcome;
        keep_alive_idle_time() -> Outcome<Duration>;
        set_keep_alive_idle_time(Duration) -> Outcome;
        keep_alive_interval() -> Outcome<Duration>;
        set_keep_alive_interval(Duration) -> Outcome;
        keep_alive_count() -> Outcome<u32>;
        set_keep_alive_count(u32) -> Outcome;
        hop_limit() -> Outcome<u8>;
        set_hop_limit(u8) -> Outcome;
        receive_buffer_size() -> Outcome<u64>;
        set_receive_buffer_size(u64) -> Outcome;
        send_buffer_size() -> Outcome<u64>;
        set_send_buffer_size(u64) -> Outcome;
        subscribe() -> Pollable;
        shutdown(ShutdownType) -> Outcome;
    }
}

impl GuestUdpSocket for Never {
    methods! {
        start_bind(NetworkBorrow<'_>, IpSocketAddress) -> Outcome;
        finish_bind() -> Outcome;
        stream(Option<IpSocketAddress>) -> Outcome<(IncomingDatagramStream, OutgoingDatagramStream)>;
        local_address() -> Outcome<IpSocketAddress>;
        remote_address() -> Outcome<IpSocketAddress>;
        unicast_hop_limit() -> Outcome<u8>;
        set_unicast_hop_limit(u8) -> Outcome;
        receive_buffer_size() -> Outcome<u64>;
        set_receive_buffer_size(u64) -> Outcome;
        send_buffer_size() -> Outcome<u64>;
        set_send_buffer_size(u64) -> Outcome;
        subscribe() -> Pollable;
    }
}

impl GuestIncomingDatagramStream for Never {
    methods! {
        receive(u64) -> Outcome<Vec<IncomingDatagram>>;
        subscribe() -> Pollable;
    }
}

impl GuestOutgoingDatagramStream for Never {
    methods! {
        check_send() -> Outcome<u64>;
        send(Vec<OutgoingDatagram>) -> Outcome<u64>;
        subscribe() -> Pollable;
    }
}
