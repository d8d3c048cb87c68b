//! How a call ends: a code and a message, in trailers or, where nothing was answered, in the head
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>, "Responses").

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use crate::error::message_with_param;
use crate::{ErrorKind, GatewayError};

/// The trailer with the code.
pub const STATUS: &str = "grpc-status";
/// The trailer with the message, percent-encoded.
pub const MESSAGE: &str = "grpc-message";
/// The trailer with what a server says beyond both, as a `google.rpc.Status` in base64.
pub const STATUS_DETAILS: &str = "grpc-status-details-bin";
/// The trailer that says after how many milliseconds a client may try again
/// (<https://github.com/grpc/proposal/blob/master/A6-client-retries.md>).
pub const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// What cannot stand in `grpc-message` as it is.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// A message as it stands in `grpc-message`.
#[must_use]
pub fn escaped(message: &str) -> String {
    utf8_percent_encode(message, ESCAPED).to_string()
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// The codes (<https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name = $number,)*
        }

        impl Code {
            /// Every code, by its number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, as it stands in logs.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// The call did what it should.
    Ok = 0, "OK";
    /// The caller gave it up.
    Cancelled = 1, "CANCELLED";
    /// It failed, and nobody knows how.
    Unknown = 2, "UNKNOWN";
    /// The request is wrong.
    InvalidArgument = 3, "INVALID_ARGUMENT";
    /// It took too long.
    DeadlineExceeded = 4, "DEADLINE_EXCEEDED";
    /// What it asks for is not there.
    NotFound = 5, "NOT_FOUND";
    /// What it makes is there.
    AlreadyExists = 6, "ALREADY_EXISTS";
    /// The caller may not do that.
    PermissionDenied = 7, "PERMISSION_DENIED";
    /// A limit is used up.
    ResourceExhausted = 8, "RESOURCE_EXHAUSTED";
    /// What it needs is not so.
    FailedPrecondition = 9, "FAILED_PRECONDITION";
    /// Something else was quicker.
    Aborted = 10, "ABORTED";
    /// It asks for what is beyond the end.
    OutOfRange = 11, "OUT_OF_RANGE";
    /// The method does not exist.
    Unimplemented = 12, "UNIMPLEMENTED";
    /// The server is at fault.
    Internal = 13, "INTERNAL";
    /// The server cannot take it now.
    Unavailable = 14, "UNAVAILABLE";
    /// Data is lost.
    DataLoss = 15, "DATA_LOSS";
    /// Nobody knows who calls.
    Unauthenticated = 16, "UNAUTHENTICATED";
}

impl Code {
    /// The number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The code in a head's or a trailer's `grpc-status`; `Unknown` for what is no code, and `None` where there is none.
    #[must_use]
    pub fn read(fields: &HeaderMap) -> Option<Self> {
        let value = fields.get(STATUS)?.as_bytes();
        let number: Option<usize> = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        Some(number.and_then(|number| Self::ALL.get(number).copied()).unwrap_or(Self::Unknown))
    }

    /// The HTTP status that says the same, for logs and metrics that count by it.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::Cancelled => 499,
            Self::InvalidArgument | Self::FailedPrecondition | Self::OutOfRange => 400,
            Self::DeadlineExceeded => 504,
            Self::NotFound => 404,
            Self::AlreadyExists | Self::Aborted => 409,
            Self::PermissionDenied => 403,
            Self::ResourceExhausted => 429,
            Self::Unimplemented => 501,
            Self::Unavailable => 503,
            Self::Unauthenticated => 401,
            Self::Unknown | Self::Internal | Self::DataLoss => 500,
        }
    }

    /// Whether it shows that the server is ill, rather than that the request is wrong.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Unavailable | Self::Internal | Self::Unknown | Self::DeadlineExceeded | Self::DataLoss)
    }
}

/// How a call ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// What it says to people.
    pub message: String,
    /// After how many milliseconds the call may come again.
    pub pushback: Option<u64>,
}

impl Status {
    /// A status.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), pushback: None }
    }

    /// The end of a call that did what it should.
    #[must_use]
    pub fn ok() -> Self {
        Self::new(Code::Ok, "")
    }

    /// What a head's or a trailer's fields say; `None` where they hold no status.
    #[must_use]
    pub fn read(fields: &HeaderMap) -> Option<Self> {
        let code = Code::read(fields)?;
        let message = fields.get(MESSAGE).map(|text| percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned());
        Some(Self::new(code, message.unwrap_or_default()))
    }

    /// Its fields, of a trailer or of a head without a body.
    #[must_use]
    pub fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::with_capacity(3);
        fields.insert(HeaderName::from_static(STATUS), HeaderValue::from(u16::from(self.code.number())));
        if !self.message.is_empty()
            && let Ok(value) = HeaderValue::try_from(escaped(&self.message))
        {
            fields.insert(HeaderName::from_static(MESSAGE), value);
        }
        if let Some(millis) = self.pushback {
            fields.insert(HeaderName::from_static(PUSHBACK), HeaderValue::from(millis));
        }
        fields
    }
}

impl From<&GatewayError> for Status {
    fn from(error: &GatewayError) -> Self {
        let message = message_with_param(error);
        let pushback = error.retry_after().map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        Self { code: code(error), message, pushback }
    }
}

fn code(error: &GatewayError) -> Code {
    match error.kind() {
        // What the protocol answers to a method, or an encoding, that a server does not have.
        ErrorKind::PathNotFound | ErrorKind::MethodNotAllowed | ErrorKind::UnsupportedEncoding => Code::Unimplemented,
        // Another try of the same meets the same.
        ErrorKind::UpstreamProtocol | ErrorKind::UpstreamAuth | ErrorKind::UpstreamRedirect => Code::Internal,
        _ => match error.status() {
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::NotFound,
            408 | 504 => Code::DeadlineExceeded,
            413 | 429 | 431 => Code::ResourceExhausted,
            499 => Code::Cancelled,
            502 | 503 | 529 => Code::Unavailable,
            400..=498 => Code::InvalidArgument,
            _ => Code::Internal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_protocol() {
        for (number, code) in Code::ALL.iter().enumerate() {
            assert_eq!(usize::from(code.number()), number);
            assert_eq!(Code::read(&Status::new(*code, "").fields()), Some(*code));
        }
        let mut fields = HeaderMap::new();
        assert_eq!(Code::read(&fields), None);
        for wrong in ["17", "-1", "", "OK", "99999999999999999999"] {
            fields.insert(STATUS, HeaderValue::from_static(wrong));
            assert_eq!(Code::read(&fields), Some(Code::Unknown), "{wrong}");
        }
    }

    #[test]
    fn a_message_is_escaped_as_the_protocol_says() {
        let status = Status::new(Code::NotFound, "no `modèle` is\nhere, 100%");
        let fields = status.fields();
        assert_eq!(fields[MESSAGE], "no `mod%C3%A8le` is%0Ahere, 100%25");
        assert_eq!(Status::read(&fields), Some(status));
    }

    #[test]
    fn every_kind_of_error_has_a_code() {
        let code = |kind| Status::from(&GatewayError::new(kind, "m")).code;
        for &kind in ErrorKind::ALL {
            assert_ne!(code(kind), Code::Ok);
            assert_ne!(code(kind), Code::Unknown);
        }
        assert_eq!(code(ErrorKind::MissingKey), Code::Unauthenticated);
        assert_eq!(code(ErrorKind::ModelNotAllowed), Code::PermissionDenied);
        assert_eq!(code(ErrorKind::ModelNotFound), Code::NotFound);
        assert_eq!(code(ErrorKind::PathNotFound), Code::Unimplemented);
        assert_eq!(code(ErrorKind::RateLimited), Code::ResourceExhausted);
        assert_eq!(code(ErrorKind::BodyTooLarge), Code::ResourceExhausted);
        assert_eq!(code(ErrorKind::UpstreamConnect), Code::Unavailable);
        assert_eq!(code(ErrorKind::UpstreamTimeout), Code::DeadlineExceeded);
        assert_eq!(code(ErrorKind::InvalidRequest), Code::InvalidArgument);
        let busy = GatewayError::new(ErrorKind::Overloaded, "m").with_retry_after(std::time::Duration::from_secs(2));
        assert_eq!(Status::from(&busy).fields()[PUSHBACK], "2000");
    }
}
