//! Whether a model's servers speak what a call is in.

use weir_core::{Dialect, Endpoint, ErrorKind, GatewayError, RequestView};

use crate::model::Protocols;

/// Refuses a call that the model's servers do not understand.
///
/// # Errors
/// `Unsupported`, which says what they do understand.
pub(crate) fn check(protocols: Protocols, view: &RequestView) -> Result<(), GatewayError> {
    let spoken = match view.dialect {
        Dialect::KserveV1 => protocols.v1 || (protocols.graph && view.endpoint == Endpoint::Predict),
        Dialect::KserveV2 => protocols.v2 || (protocols.graph && view.endpoint == Endpoint::Infer),
        Dialect::KserveGrpc => protocols.grpc,
        _ => protocols.openai,
    };
    if spoken {
        return Ok(());
    }
    let message = match told(protocols).as_slice() {
        [] => "nothing is known that this model's servers speak".to_owned(),
        spoken => format!("this model is not served at {}; it speaks {}", view.endpoint.path(), spoken.join(" and ")),
    };
    Err(GatewayError::new(ErrorKind::Unsupported, message))
}

/// What a model speaks, and where.
fn told(protocols: Protocols) -> Vec<&'static str> {
    let all = [
        (protocols.openai, "OpenAI's API (/v1/…)"),
        (protocols.v1, "KServe V1 (/v1/models/{model}:predict)"),
        (protocols.v2, "KServe V2 (/v2/models/{model}/infer)"),
        (protocols.grpc, "KServe V2 over gRPC"),
        (protocols.graph, "what its graph takes (/v1/models/{model}:predict)"),
    ];
    all.into_iter().filter_map(|(spoken, words)| spoken.then_some(words)).collect()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn said(protocols: Protocols, path: &str) -> Option<String> {
        let view = RequestView::parse(&Method::POST, path, false).ok().unwrap();
        check(protocols, &view).err().map(|error| {
            assert_eq!(error.status(), 400);
            error.message().to_owned()
        })
    }

    #[test]
    fn a_call_is_in_a_protocol_that_the_model_has() {
        let (chat, v1, v2) = ("/v1/chat/completions", "/v1/models/m:predict", "/v2/models/m/infer");
        let grpc = "/inference.GRPCInferenceService/ModelInfer";
        for path in [chat, v1, v2, grpc, "/tokenize", "/v1/messages"] {
            assert_eq!(said(Protocols::ANY, path), None, "{path}");
            assert!(said(Protocols::NONE, path).unwrap().contains("nothing is known"), "{path}");
        }
        let predictor = Protocols { v1: true, v2: true, ..Protocols::NONE };
        assert_eq!((said(predictor, v1), said(predictor, v2)), (None, None));
        let told = said(predictor, chat).unwrap();
        assert!(told.contains("/v1/chat/completions") && told.contains("KServe V1") && told.contains("KServe V2"));
        assert!(!told.contains("gRPC") && !told.contains("OpenAI"), "{told}");
        assert!(said(predictor, grpc).is_some());
    }

    #[test]
    fn a_graph_takes_what_is_to_be_inferred() {
        let graph = Protocols { graph: true, ..Protocols::NONE };
        assert_eq!(said(graph, "/v1/models/g:predict"), None);
        assert_eq!(said(graph, "/v2/models/g/infer"), None);
        for path in ["/v1/models/g:explain", "/v2/models/g/generate", "/v1/chat/completions"] {
            assert!(said(graph, path).unwrap().contains("its graph"), "{path}");
        }
    }
}
