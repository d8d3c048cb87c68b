//! Reads a body as a whole, up to a limit.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use weir_serve::{Body, BoxError};

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    #[error("the body broke off")]
    Broken(#[source] BoxError),
}

/// All of a body, copied only where it came in several pieces.
pub(crate) async fn read(mut body: Body, limit: usize) -> Result<Bytes, ReadError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(ReadError::Broken)?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limit {
            return Err(ReadError::TooLong(limit));
        }
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;

    fn pieces(pieces: &'static [&'static str]) -> Body {
        let frames = pieces.iter().map(|piece| Ok::<_, BoxError>(Frame::data(Bytes::from_static(piece.as_bytes()))));
        StreamBody::new(stream::iter(frames)).boxed_unsync()
    }

    #[tokio::test]
    async fn j1_a_body_is_read_up_to_its_limit() {
        assert_eq!(read(pieces(&["", "ab", "", "c", "def"]), 6).await.unwrap(), "abcdef");
        assert_eq!(read(pieces(&[]), 0).await.unwrap(), "");
        assert!(matches!(read(pieces(&["ab", "c", "def"]), 5).await, Err(ReadError::TooLong(5))));
    }
}
