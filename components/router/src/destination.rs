//! Where a call goes is for the configuration to say, never for the caller. What looks like an attempt to say it is
//! refused, rather than ignored here and believed by whoever comes next.

use percent_encoding::percent_decode_str;
use weir_core::json::Object;
use weir_core::{ErrorKind, GatewayError};

/// Names by which gateways and SDKs let a destination, or the credential for one, be chosen; without `_` and `-`, in
/// lower case.
const NAMES: [&str; 22] = [
    "apibase",
    "apihost",
    "apikey",
    "apiurl",
    "authtoken",
    "awsaccesskeyid",
    "awsbedrockruntimeendpoint",
    "awssecretaccesskey",
    "awssessiontoken",
    "azureadtoken",
    "azureendpoint",
    "baseurl",
    "customhost",
    "customllmprovider",
    "endpointurl",
    "httpproxy",
    "httpsproxy",
    "litellmparams",
    "proxies",
    "proxy",
    "proxyurl",
    "vertexcredentials",
];

/// Refuses a body that names a destination.
///
/// # Errors
/// `InvalidRequest` that points at the field.
pub fn check_body(body: &Object) -> Result<(), GatewayError> {
    body.keys().find(|key| names_destination(key)).map_or(Ok(()), |key| Err(refused("field", key)))
}

/// Refuses a query that names a destination.
///
/// # Errors
/// `InvalidRequest` that names the parameter.
pub fn check_query(query: &str) -> Result<(), GatewayError> {
    let keys = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(key, _)| key));
    let mut decoded = keys.map(|key| percent_decode_str(key).decode_utf8_lossy());
    decoded.find(|key| names_destination(key)).map_or(Ok(()), |key| Err(refused("parameter", &key)))
}

fn names_destination(key: &str) -> bool {
    // The longest name, with some separators; a key that is longer cannot be one of them.
    if key.len() > 48 {
        return false;
    }
    let plain: String = key.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.contains(&plain.as_str())
}

fn refused(what: &str, key: &str) -> GatewayError {
    let message = format!("the {what} `{key}` is not taken: where a request goes is set by the gateway's operator");
    GatewayError::new(ErrorKind::InvalidRequest, message).with_param(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_a_caller_cannot_name_a_destination() {
        for key in ["api_base", "base_url", "API-Base", "apiBase", "api_key", "proxy", "azure_endpoint", "baseURL"] {
            let body = format!(r#"{{"model":"m","{key}":"http://169.254.169.254"}}"#);
            let error = check_body(&Object::parse(body.as_bytes(), 8).unwrap()).unwrap_err();
            assert_eq!((error.status(), error.param()), (400, Some(key)));
            assert!(check_query(&format!("x=1&{key}=http://a")).is_err(), "{key}");
        }
    }

    #[test]
    fn what_requests_really_have_is_taken() {
        let body = br#"{"model":"m","messages":[],"metadata":{"base_url":"x"},"user":"proxy","service_tier":"auto"}"#;
        assert_eq!(check_body(&Object::parse(body, 8).unwrap()), Ok(()));
        assert_eq!(check_query("beta=true&api-version=2024-10-21"), Ok(()));
        assert_eq!(check_query(""), Ok(()));
        assert!(check_query("%61pi%5fbase=http://a").is_err());
    }

    #[test]
    fn the_names_are_in_the_form_that_keys_are_brought_to() {
        assert!(NAMES.iter().all(|name| names_destination(name)));
    }
}
