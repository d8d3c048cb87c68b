//! The TLS side of a listener: from PEM files to a rustls configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a listener's certificate or key cannot be used. Never holds a byte of the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerTlsError {
    /// The certificate file cannot be read or is not PEM.
    #[error("the certificate file {path} cannot be read as PEM")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: pem::Error,
    },
    /// The certificate file has no certificate.
    #[error("the certificate file {path} has no `CERTIFICATE` section")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be read, is not PEM, or has no private key.
    #[error("the key file {path} has no private key that can be read (PKCS#8, PKCS#1 or SEC1, as PEM)")]
    Key {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: pem::Error,
    },
    /// The two do not fit together, or the key's kind is not supported.
    #[error("the certificate {certificate} and the key {key} cannot be used together")]
    Pair {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
}

/// A TLS 1.2/1.3 configuration with ALPN for HTTP/2 and HTTP/1.1, from a certificate chain (leaf
/// first) and its private key, both PEM files.
///
/// # Errors
/// When a file cannot be read, has no such section, or the two do not belong together.
pub fn server_tls(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, ServerTlsError> {
    let chain = read_chain(certificate)?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|source| ServerTlsError::Key { path: key.to_owned(), source })?;
    let pair = |source| ServerTlsError::Pair { certificate: certificate.to_owned(), key: key.to_owned(), source };

    // The provider is named, not taken from the process: another crate may have installed another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerTlsError> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| ServerTlsError::Certificate { path: path.to_owned(), source })?;
    if chain.is_empty() {
        return Err(ServerTlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}
