//! What can be wrong with a message.

use crate::{ErrorKind, GatewayError};

/// Why a body or a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A message says that it is longer than is taken.
    #[error("a message of {length} bytes is longer than the {limit} that are taken")]
    TooLong {
        /// What its prefix says.
        length: usize,
        /// What is taken.
        limit: usize,
    },
    /// The model's name cannot be read in a compressed message.
    #[error("compressed messages are not taken; send them uncompressed")]
    Compressed,
    /// The first byte of a prefix is 0 or 1.
    #[error("a message begins with the flag {0}, which does not exist")]
    Flag(u8),
    /// The body ends within a message.
    #[error("the body ends within a message")]
    Cut,
    /// There is no message where there must be one.
    #[error("the call holds no message")]
    NoMessage,
    /// There are several where there must be one.
    #[error("the call holds more than one message")]
    Several,
    /// The bytes are no Protocol Buffers message.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
    /// The model's name stands there twice.
    #[error("the message names its model twice")]
    NamedTwice,
    /// The model's name is longer than a name may be.
    #[error("the model's name is longer than {0} bytes")]
    NameTooLong(usize),
}

impl From<Fault> for GatewayError {
    fn from(fault: Fault) -> Self {
        let kind = match fault {
            Fault::TooLong { .. } => ErrorKind::BodyTooLarge,
            Fault::Compressed => ErrorKind::UnsupportedEncoding,
            _ => ErrorKind::InvalidRequest,
        };
        Self::new(kind, fault.to_string())
    }
}
