//! What a body is, as its headers say: plain JSON is taken, and JSON with tensors behind it; nothing else.

use http::{HeaderMap, HeaderName, header};
use weir_core::{Endpoint, ErrorKind, GatewayError, grpc, tensors};

/// Checks that a request's body is JSON that is not encoded in any way, or JSON with tensors behind it where the endpoint
/// takes those. An encoded body is refused rather than decoded: how large it is would be known too late.
///
/// # Errors
/// `UnsupportedEncoding` (415), with a hint.
pub fn check(endpoint: &Endpoint, headers: &HeaderMap) -> Result<(), GatewayError> {
    for value in headers.get_all(header::CONTENT_ENCODING) {
        if !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity") {
            return Err(refused(
                &header::CONTENT_ENCODING,
                "the body is compressed, and compressed bodies are not taken; send it without `content-encoding`",
            ));
        }
    }
    if let Endpoint::Grpc(_) = endpoint {
        let is_grpc = headers.get(header::CONTENT_TYPE).is_some_and(|value| grpc::is_grpc(value.as_bytes()));
        let message = "gRPC is asked for with `content-type: application/grpc`";
        return if is_grpc { Ok(()) } else { Err(refused(&header::CONTENT_TYPE, message)) };
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        // What the type says is of no use: clients of V2 differ about it.
        (_, None) if tensors::are_behind(endpoint, headers) => Ok(()),
        (Some(value), None) if value.to_str().is_ok_and(is_json) => Ok(()),
        (None, _) => {
            Err(refused(&header::CONTENT_TYPE, "the body has no `content-type`; send `content-type: application/json`"))
        }
        (Some(_), Some(_)) => Err(refused(&header::CONTENT_TYPE, "`content-type` stands there twice")),
        (Some(_), None) => Err(refused(
            &header::CONTENT_TYPE,
            "the body must be JSON in UTF-8; send `content-type: application/json` (curl needs -H for that)",
        )),
    }
}

/// `application/json` or a type that ends in `+json`, in UTF-8 if it says (RFC 8259, section 8.1).
fn is_json(value: &str) -> bool {
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    is_json && parts.all(|parameter| charset_is_utf8(parameter).unwrap_or(true))
}

/// Whether a parameter that names a charset names UTF-8; `None` for other parameters.
fn charset_is_utf8(parameter: &str) -> Option<bool> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"))
}

fn refused(header: &HeaderName, message: &str) -> GatewayError {
    GatewayError::new(ErrorKind::UnsupportedEncoding, message).with_param(header.as_str())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use weir_core::Rpc;

    use super::*;

    fn check_with(pairs: &[(&str, &str)]) -> Result<(), GatewayError> {
        let pairs = pairs.iter();
        check(
            &Endpoint::Messages,
            &pairs
                .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap()))
                .collect(),
        )
    }

    #[test]
    fn json_is_taken_and_nothing_else() {
        for taken in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/vnd.x+json; a=b",
        ] {
            assert_eq!(check_with(&[("content-type", taken)]), Ok(()), "{taken}");
        }
        for refused in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "application/jsonp",
            "text/json",
            "",
        ] {
            let error = check_with(&[("content-type", refused)]).unwrap_err();
            assert_eq!((error.status(), error.param()), (415, Some("content-type")), "{refused}");
        }
        assert_eq!(check_with(&[]).unwrap_err().status(), 415);
        let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
        assert_eq!(check_with(&twice).unwrap_err().status(), 415);
    }

    #[test]
    fn tensors_may_be_behind_the_json_where_v2_has_them() {
        let headers: HeaderMap =
            [("inference-header-content-length", "2"), ("content-type", "application/octet-stream")]
                .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_static(value)))
                .into_iter()
                .collect();
        assert_eq!(check(&Endpoint::Infer, &headers), Ok(()));
        assert_eq!(check(&Endpoint::Predict, &headers).unwrap_err().status(), 415);
    }

    #[test]
    fn grpc_has_its_own_type() {
        for (path, media, taken) in [
            (Rpc::ModelInfer, "application/grpc", true),
            (Rpc::ModelInfer, "application/grpc+proto", true),
            (Rpc::HealthCheck, "application/grpc; a=b", true),
            (Rpc::ModelInfer, "application/grpc+json", false),
            (Rpc::ModelInfer, "application/grpc-web", false),
            (Rpc::ModelInfer, "application/json", false),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media))]);
            assert_eq!(check(&Endpoint::Grpc(path), &headers).is_ok(), taken, "{media}");
        }
    }

    #[test]
    fn j4_encoded_bodies_are_refused() {
        let json = ("content-type", "application/json");
        for encoding in ["gzip", "zstd", "br", "gzip, gzip", "identity, gzip", "x"] {
            let error = check_with(&[json, ("content-encoding", encoding)]).unwrap_err();
            assert_eq!((error.status(), error.param()), (415, Some("content-encoding")), "{encoding}");
        }
        assert!(check_with(&[json, ("content-encoding", "identity"), ("content-encoding", "gzip")]).is_err());
        assert_eq!(check_with(&[json, ("content-encoding", "identity")]), Ok(()));
    }
}
