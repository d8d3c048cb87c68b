//! Under which path a server has what a call is for.

use weir_core::{Endpoint, RequestView};

use crate::model::{EndpointOptions, Protocols};

/// Path and query of a call at a server that knows the model as `name`.
pub(crate) fn target(view: &RequestView, protocols: Protocols, server: &EndpointOptions, name: &str) -> String {
    let query = if view.query.is_empty() { String::new() } else { format!("?{}", view.query) };
    match &view.endpoint {
        // A graph takes everything at its root, and reads no name.
        Endpoint::Predict | Endpoint::Infer if protocols.graph => format!("/{query}"),
        Endpoint::Tokenize | Endpoint::Detokenize => format!("{}{query}", view.endpoint.path()),
        endpoint if view.dialect.is_inference() => {
            format!("{}{query}", endpoint.path_for(name, view.version.as_deref()))
        }
        endpoint => {
            let path = endpoint.path();
            format!("{}{}{query}", server.base_path, path.strip_prefix("/v1").unwrap_or(&path))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn each_protocol_has_its_place_at_a_server() {
        let kserve = EndpointOptions::new("http://127.0.0.1:8080".parse().unwrap(), "/openai/v1");
        let cases = [
            ("/v1/chat/completions", "/openai/v1/chat/completions"),
            ("/openai/v1/completions?x=1", "/openai/v1/completions?x=1"),
            ("/v1/messages?beta=true", "/openai/v1/messages?beta=true"),
            ("/team/llama/v1/chat/completions", "/openai/v1/chat/completions"),
            ("/openai/deployments/m/embeddings", "/openai/v1/embeddings"),
            ("/tokenize", "/tokenize"),
            ("/v1/tokenize", "/tokenize"),
            ("/team/llama/detokenize", "/detokenize"),
            ("/v1/models/m:predict", "/v1/models/served:predict"),
            ("/v2/models/m/infer", "/v2/models/served/infer"),
            ("/v2/models/m/versions/2/generate", "/v2/models/served/versions/2/generate"),
        ];
        for (path, expected) in cases {
            let view = RequestView::parse(&Method::POST, path, false).ok().unwrap();
            assert_eq!(target(&view, Protocols::ANY, &kserve, "served"), expected, "{path}");
        }
    }

    #[test]
    fn a_graph_is_called_at_its_root() {
        let graph = Protocols { graph: true, ..Protocols::NONE };
        let server = EndpointOptions::new("http://127.0.0.1:8080".parse().unwrap(), "");
        for path in ["/v1/models/g:predict", "/v2/models/g/infer"] {
            let view = RequestView::parse(&Method::POST, path, false).ok().unwrap();
            assert_eq!(target(&view, graph, &server, "g"), "/");
        }
    }
}
