//! What both tiers' listeners have in common.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use weir_config::settings::{ConnectionSettings, TlsFiles};
use weir_core::Limits;
use weir_serve::{Listener, ServeLimits};

use crate::exit::Failure;

/// The limits of a listener.
pub(crate) fn limits(settings: &ConnectionSettings, sizes: &Limits) -> ServeLimits {
    ServeLimits {
        header_deadline: settings.headers,
        keep_alive_idle: settings.keep_alive,
        max_connections: settings.most,
        body_idle: settings.body_idle,
        write_idle: settings.write_idle,
        max_body_bytes: sizes.body_bytes as u64,
        ..ServeLimits::default()
    }
}

/// A bound listener.
pub(crate) fn bind(address: SocketAddr, who: &str) -> Result<Listener, Failure> {
    Ok(Listener::bind(address).with_context(|| format!("{who} cannot listen on {address}"))?)
}

/// The certificate that a listener shows.
pub(crate) fn tls(files: Option<&TlsFiles>) -> Result<Option<Arc<rustls::ServerConfig>>, Failure> {
    files
        .map(|files| weir_serve::server_tls(&files.cert, &files.key))
        .transpose()
        .map_err(|e| anyhow::Error::from(e).into())
}

/// The address of a listener as a URL.
pub(crate) fn url(address: SocketAddr, tls: bool) -> String {
    format!("{}://{address}", if tls { "https" } else { "http" })
}
