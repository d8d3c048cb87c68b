//! What a client can be told.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::NetworkPolicy;

/// The options of a [`Client`](super::Client), with their defaults.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// For name resolution, TCP and TLS together. 3 s.
    pub connect_timeout: Duration,
    /// An idle connection is closed after this. 60 s.
    pub pool_idle_timeout: Duration,
    /// Idle connections kept for one upstream. 256.
    pub pool_max_idle_per_host: usize,
    /// Header fields in one response; beyond, the response is an error. 200.
    pub max_headers: usize,
    /// Speak HTTP/2 without asking, also where there is no TLS. Off.
    pub h2c: bool,
    /// A PING is sent this often on an HTTP/2 connection. 20 s.
    pub h2_keep_alive_interval: Duration,
    /// A PING unanswered this long closes the connection, and fails its streams. 10 s.
    pub h2_keep_alive_timeout: Duration,
    /// Whom to trust for `https`. The Mozilla roots.
    pub tls: TlsRoots,
    /// Which addresses may be connected to, checked after name resolution. Any.
    pub network: NetworkPolicy,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            pool_idle_timeout: Duration::from_secs(60),
            pool_max_idle_per_host: 256,
            max_headers: 200,
            h2c: false,
            h2_keep_alive_interval: Duration::from_secs(20),
            h2_keep_alive_timeout: Duration::from_secs(10),
            tls: TlsRoots::Webpki,
            network: NetworkPolicy::Any,
        }
    }
}

/// The certificate authorities that are trusted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TlsRoots {
    /// Those of the operating system.
    Native,
    /// Those of Mozilla, compiled in.
    Webpki,
    /// Only these: certificates in PEM.
    Pem(Vec<u8>),
    /// Nobody: every handshake fails.
    Nobody,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientBuildError {
    /// The operating system has no usable roots.
    #[error("the operating system's certificate store has no usable certificate")]
    NoNativeRoots,
    /// The given PEM has no certificate, or a broken one.
    #[error("the trusted certificates are not readable PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// The given PEM has no certificate.
    #[error("the trusted certificates are empty")]
    NoPemRoots,
    /// rustls refuses them.
    #[error("the TLS configuration is refused")]
    Tls(#[from] rustls::Error),
}

impl TlsRoots {
    /// The rustls configuration for these roots; ALPN offers only HTTP/2 where `h2_only`.
    pub(super) fn client_config(self, h2_only: bool) -> Result<Arc<ClientConfig>, ClientBuildError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.store()?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        if !h2_only {
            config.alpn_protocols.push(b"http/1.1".to_vec());
        }
        Ok(Arc::new(config))
    }

    fn store(self) -> Result<RootCertStore, ClientBuildError> {
        let mut store = RootCertStore::empty();
        match self {
            Self::Nobody => {}
            Self::Webpki => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Self::Native => {
                // One odd certificate in a system's store is usual, and no reason to fail.
                let found = rustls_native_certs::load_native_certs();
                let (added, _ignored) = store.add_parsable_certificates(found.certs);
                if added == 0 {
                    return Err(ClientBuildError::NoNativeRoots);
                }
            }
            Self::Pem(pem) => {
                for certificate in CertificateDer::pem_slice_iter(&pem) {
                    store.add(certificate.map_err(ClientBuildError::Pem)?)?;
                }
                if store.is_empty() {
                    return Err(ClientBuildError::NoPemRoots);
                }
            }
        }
        Ok(store)
    }
}
