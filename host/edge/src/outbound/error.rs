//! Failed calls, in the words of WASI HTTP.

use std::time::Duration;

use wasmtime_wasi_http::Error;
use weir_serve::{BoxError, ClientError, RequestBodyError};

use crate::call::WasCut;

/// A wait that took longer than the guest allowed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Late {
    /// For the response's head.
    #[error("no answer within {0:?}")]
    FirstByte(Duration),
    /// For the next frame of the response's body.
    #[error("nothing received for {0:?}")]
    BetweenBytes(Duration),
}

/// What a guest is told of a call that failed.
pub(crate) fn of_client(error: &ClientError) -> Error {
    match error {
        ClientError::InvalidUri(_) => Error::HttpRequestUriInvalid,
        ClientError::Dns { .. } => Error::DnsError { rcode: None, info_code: None },
        ClientError::Blocked { .. } => Error::DestinationIpProhibited,
        ClientError::ConnectTimeout { .. } => Error::ConnectionTimeout,
        ClientError::Tls { source, .. } if is_certificate(source) => Error::TlsCertificateError,
        ClientError::Tls { .. } => Error::TlsProtocolError,
        ClientError::Connect { source, .. } => match source.kind() {
            std::io::ErrorKind::TimedOut => Error::ConnectionTimeout,
            std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::HostUnreachable => {
                Error::DestinationIpUnroutable
            }
            _ => Error::ConnectionRefused,
        },
        ClientError::Closed(_) => Error::ConnectionTerminated,
        ClientError::Protocol(_) => Error::HttpProtocolError,
        ClientError::RequestBody(_) => Error::InternalError(Some("the request body failed".to_owned())),
        // New kinds of failure are failures of the exchange until they are told apart here.
        _ => Error::HttpProtocolError,
    }
}

/// What a guest is told of a response's body that failed.
pub(crate) fn of_response_body(error: &BoxError) -> Error {
    match ClientError::find(error.as_ref()) {
        Some(ClientError::Closed(_)) => Error::HttpResponseIncomplete,
        Some(error) => of_client(error),
        None => Error::HttpProtocolError,
    }
}

/// What a guest is told of a client's body that failed.
pub(crate) fn of_request_body(error: &BoxError) -> Error {
    match RequestBodyError::find(error.as_ref()) {
        Some(RequestBodyError::TooLarge { limit }) => Error::HttpRequestBodySize(Some(*limit)),
        Some(RequestBodyError::Idle { .. }) => Error::ConnectionReadTimeout,
        _ => Error::ConnectionTerminated,
    }
}

impl From<Late> for Error {
    fn from(_: Late) -> Self {
        Self::ConnectionReadTimeout
    }
}

/// What a guest is told of a call that the host cut: the reason, so that it is not taken for the backend's fault.
impl From<WasCut> for Error {
    fn from(WasCut(cut): WasCut) -> Self {
        Self::InternalError(Some(cut.reason().to_owned()))
    }
}

fn is_certificate(source: &std::io::Error) -> bool {
    source.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()).is_some_and(|error| {
        matches!(error, rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    })
}
