//! Targets, as they come from outside.

use super::*;

type Parsed = Result<RequestView, (Dialect, GatewayError)>;

fn parse(method: &str, target: &str) -> Parsed {
    RequestView::parse(&method.parse().unwrap(), target, false)
}

#[test]
fn paths_name_endpoints_and_dialects() {
    let view = parse("POST", "/v1/messages?beta=true&key=sk-1&x=2").ok().unwrap();
    assert_eq!((view.endpoint.clone(), view.dialect), (Endpoint::Messages, Dialect::AnthropicMessages));
    assert_eq!(view.path_and_query(), "/v1/messages?beta=true&x=2");
    assert_eq!(view.query_key().unwrap().expose(), "sk-1");
    assert_eq!(parse("POST", "/openai/v1/chat/completions").ok().unwrap().endpoint, Endpoint::ChatCompletions);
    assert_eq!(parse("GET", "/v1/models/a%20b").ok().unwrap().endpoint, Endpoint::Model("a b".into()));
}

#[test]
fn azures_own_paths_name_the_same_endpoints() {
    use Endpoint::*;
    let version = "?api-version=2024-10-21";
    let cases = [
        ("/openai/v1/responses", Responses, None),
        ("/openai/v1/models", Models, None),
        ("/openai/responses", Responses, None),
        ("/openai/responses/input_tokens", InputTokens, None),
        ("/openai/models", Models, None),
        ("/openai/deployments/gpt-4o/chat/completions", ChatCompletions, Some("gpt-4o")),
        ("/openai/deployments/gpt-4o/completions", Completions, Some("gpt-4o")),
        ("/openai/deployments/a%20b/embeddings", Embeddings, Some("a b")),
        ("/openai/deployments/meta-llama/Llama-3/chat/completions", ChatCompletions, Some("meta-llama/Llama-3")),
        ("/openai/deployments/chat/completions", Completions, Some("chat")),
    ];
    for (path, endpoint, model) in cases {
        let method = if endpoint == Models { "GET" } else { "POST" };
        let view = parse(method, &format!("{path}{version}")).ok().unwrap();
        assert_eq!(parse(method, &endpoint.path()).ok().unwrap().endpoint, endpoint);
        assert_eq!((view.endpoint, view.model.as_deref()), (endpoint, model), "{path}");
    }
    for path in
        ["/openai/chat/completions", "/openai/v1/deployments/m/chat/completions", "/v1/deployments/m/embeddings"]
    {
        assert_eq!(parse("POST", path).err().unwrap().1.kind(), ErrorKind::PathNotFound, "{path}");
    }
}

#[test]
fn e5_a_model_in_the_path_cannot_leave_its_place() {
    for name in ["..", "a/../b", "a%2f..%2fb", "a//b", "a%3fb", "a%5cb", "a%00", "%zz"] {
        let error = parse("POST", &format!("/openai/deployments/{name}/chat/completions")).err().unwrap().1;
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
    }
    let none = parse("POST", "/openai/deployments/chat/embedding").err().unwrap().1;
    assert_eq!(none.kind(), ErrorKind::PathNotFound);
}

#[test]
fn what_would_have_to_be_stored_is_refused_as_such() {
    let cases = [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/resp_1/input_items"),
        ("GET", "/openai/responses/resp_1?api-version=2025-03-01-preview"),
        ("POST", "/v1/conversations"),
        ("GET", "/v1/conversations/conv_1/items"),
    ];
    for (method, path) in cases {
        let (dialect, error) = parse(method, path).err().unwrap();
        assert_eq!((dialect, error.kind()), (Dialect::OpenaiResponses, ErrorKind::PathNotFound), "{path}");
        assert!(error.message().contains("not stored here"), "{}", error.message());
    }
    assert_eq!(parse("GET", "/v1/responses/input_tokens").err().unwrap().1.status(), 405);
}

#[test]
fn w9_paths_that_read_in_two_ways_are_refused() {
    for path in [
        "//v1/models",
        "/v1/./models",
        "/v1/../models",
        "/v1/%2e%2e/models",
        "/v1%2fmodels",
        "/v1/models;x",
        "/v1/models/",
        "/v1\\models",
        "/v1/models/%0a",
        "/v1/models/%",
        "/v1/models/%2",
        "/v1/models/%zz",
        "/v1/models/%252f",
        "v1/models",
        "/v1/m\u{e9}",
    ] {
        let error = parse("GET", path).err().unwrap().1;
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{path}");
    }
}

#[test]
fn two_keys_in_a_query_are_refused() {
    let error = parse("POST", "/v1/messages?key=a&key=b").err().unwrap().1;
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidKey, 401));
    assert_eq!(parse("POST", "/v1/messages?key=a&x&key=a").ok().unwrap().path_and_query(), "/v1/messages?x");
}

#[test]
fn other_paths_are_404_and_other_methods_405() {
    assert_eq!(parse("GET", "/V1/models").err().unwrap().1.kind(), ErrorKind::PathNotFound);
    assert_eq!(parse("GET", "/v1/chat/completions").err().unwrap().1.kind(), ErrorKind::MethodNotAllowed);
}

#[test]
fn kserves_paths_name_their_endpoints_and_models() {
    use Endpoint::*;
    let cases = [
        ("POST", "/v1/models/m:predict", Predict, Some("m"), None),
        ("POST", "/v1/models/meta/llama:predict", Predict, Some("meta/llama"), None),
        ("POST", "/v1/models/ft:m:org::id:explain", Explain, Some("ft:m:org::id"), None),
        ("GET", "/v1/models/ft:m:org", Model("ft:m:org".into()), None, None),
        ("GET", "/", Alive, None, None),
        ("GET", "/v2", ServerMetadata, None, None),
        ("GET", "/v2/health/live", ServerLive, None, None),
        ("GET", "/v2/health/ready", ServerReady, None, None),
        ("GET", "/v2/models", ModelNames, None, None),
        ("POST", "/v2/repository/index", RepositoryIndex, None, None),
        ("GET", "/v2/models/m", ModelMetadata, Some("m"), None),
        ("GET", "/v2/models/m/versions/3", ModelMetadata, Some("m"), Some("3")),
        ("GET", "/v2/models/a/b/ready", ModelReady, Some("a/b"), None),
        ("GET", "/v2/models/m/versions/3/ready", ModelReady, Some("m"), Some("3")),
        ("POST", "/v2/models/a%20b/infer", Infer, Some("a b"), None),
        ("POST", "/v2/models/m/versions/3/infer", Infer, Some("m"), Some("3")),
        ("POST", "/v2/models/m/generate", Generate, Some("m"), None),
        ("POST", "/v2/models/m/generate_stream", GenerateStream, Some("m"), None),
        ("POST", "/v2/models/infer/infer", Infer, Some("infer"), None),
        ("POST", "/tokenize", Tokenize, None, None),
        ("POST", "/v1/detokenize", Detokenize, None, None),
        ("POST", "/inference.GRPCInferenceService/ModelInfer", Grpc(Rpc::ModelInfer), None, None),
        ("POST", "/grpc.health.v1.Health/Check", Grpc(Rpc::HealthCheck), None, None),
    ];
    for (method, path, endpoint, model, version) in cases {
        let view = parse(method, path).ok().unwrap();
        assert_eq!(view.endpoint.method().as_str(), method, "{path}");
        assert_eq!(
            (view.endpoint, view.model.as_deref(), view.version.as_deref()),
            (endpoint, model, version),
            "{path}"
        );
        assert!(view.service.is_none());
    }
}

#[test]
fn each_of_kserves_protocols_is_a_dialect_of_its_own() {
    use Dialect::{KserveGrpc, KserveV1, KserveV2, OpenaiChat};
    let cases = [
        ("/v1/models/m:predict", KserveV1),
        ("/v1/models/m", OpenaiChat),
        ("/", KserveV1),
        ("/v2", KserveV2),
        ("/v2/nothing", KserveV2),
        ("/v2x", OpenaiChat),
        ("/inference.GRPCInferenceService/Nothing", KserveGrpc),
        ("/tokenize", OpenaiChat),
        ("/team/llama/v1/messages", Dialect::AnthropicMessages),
        ("/team/llama/v1/responses", Dialect::OpenaiResponses),
    ];
    for (path, expected) in cases {
        let dialect = parse("POST", path).map_or_else(|(dialect, _)| dialect, |view| view.dialect);
        assert_eq!(dialect, expected, "{path}");
    }
    let (dialect, error) = parse("POST", "/v2/models/..%2fm/infer").err().unwrap();
    assert_eq!((dialect, error.kind()), (KserveV2, ErrorKind::InvalidRequest));
}

#[test]
fn e5_a_version_cannot_be_taken_for_a_part_of_the_name() {
    for path in ["/v2/models/a/versions/1/versions/2/infer", "/v2/models/versions/infer", "/v2/models/a/versions/infer"]
    {
        assert_eq!(parse("POST", path).err().unwrap().1.kind(), ErrorKind::PathNotFound, "{path}");
    }
    for path in ["/v2/models/a/versions/b/c", "/v2/models/versions/1", "/v1/models/:predict"] {
        assert!(parse("GET", path).is_err(), "{path}");
    }
    assert_eq!(parse("POST", "/v1/models/m%3Apredict").err().unwrap().1.kind(), ErrorKind::MethodNotAllowed);
}

#[test]
fn a_path_can_be_written_anew_for_another_name() {
    let cases = [
        ("POST", "/v1/models/m:predict", "/v1/models/a/b%20c:predict"),
        ("POST", "/v2/models/m/versions/3/infer", "/v2/models/a/b%20c/versions/3/infer"),
        ("GET", "/v2/models/m", "/v2/models/a/b%20c"),
        ("GET", "/v1/models/m", "/v1/models/a/b%20c"),
        ("GET", "/v2/health/live", "/v2/health/live"),
        ("POST", "/v1/chat/completions", "/v1/chat/completions"),
    ];
    for (method, path, expected) in cases {
        let view = parse(method, path).ok().unwrap();
        let written = view.endpoint.path_for("a/b c", view.version.as_deref());
        assert_eq!(written, expected);
        let again = parse(method, &written).ok().unwrap();
        assert_eq!(again.version, view.version);
        assert!(again.model.is_none_or(|model| model == "a/b c"));
    }
    let tricky = parse("POST", "/v1/models/m:predict").ok().unwrap().endpoint.path_for("m:explain", None);
    assert_eq!(parse("POST", &tricky).ok().unwrap().model.as_deref(), Some("m:explain"));
}

#[test]
fn nobody_loads_a_model_by_a_request() {
    for path in [
        "/v2/repository/models/m/load",
        "/v2/repository/models/a/b/unload",
        "/inference.GRPCInferenceService/RepositoryModelLoad",
        "/inference.GRPCInferenceService/RepositoryModelUnload",
    ] {
        let error = parse("POST", path).err().unwrap().1;
        assert_eq!((error.kind(), error.status()), (ErrorKind::Forbidden, 403), "{path}");
    }
}

#[test]
fn a_service_in_the_cluster_has_paths_of_its_own() {
    let cases = [
        ("POST", "/team-a/llama/v1/chat/completions", Endpoint::ChatCompletions),
        ("POST", "/team-a/llama/v1/messages", Endpoint::Messages),
        ("GET", "/team-a/llama/v1/models", Endpoint::Models),
        ("GET", "/team-a/llama/v1/models/a/b", Endpoint::Model("a/b".into())),
        ("POST", "/team-a/llama/tokenize", Endpoint::Tokenize),
    ];
    for (method, path, endpoint) in cases {
        let view = parse(method, path).ok().unwrap();
        assert_eq!(view.endpoint, endpoint, "{path}");
        assert!(view.is_for_tier_two());
        let service = view.service.unwrap();
        assert_eq!((&*service.namespace, &*service.name), ("team-a", "llama"), "{path}");
        assert_eq!(path.strip_prefix(&service.base_path()).map(|rest| rest.starts_with('/')), Some(true));
        assert_eq!(service.model(), "publishers/team-a/models/llama");
    }
    for path in [
        "/openai/llama/v1/chat/completions",
        "/v1/llama/v1/chat/completions",
        "/v2/llama/v1/chat/completions",
        "/Team/llama/v1/chat/completions",
        "/a_b/llama/v1/chat/completions",
        "/-a/llama/v1/chat/completions",
        "/a/b.c/v1/chat/completions",
        "/a/b/c/v1/chat/completions",
        "/a/b/v2/models/m/infer",
        "/a/b/v1/deployments/m/embeddings",
        "/a/b",
    ] {
        assert_eq!(parse("POST", path).err().unwrap().1.kind(), ErrorKind::PathNotFound, "{path}");
    }
}

#[test]
fn what_is_asked_about_is_free_and_what_infers_is_not() {
    let free = ["/v2/health/live", "/v2", "/v2/models/m", "/v2/models/m/ready", "/v1/models", "/"];
    assert!(free.iter().all(|path| parse("GET", path).ok().unwrap().endpoint.is_free()));
    let free = ["/tokenize", "/v2/repository/index", "/v1/messages/count_tokens"];
    assert!(free.iter().all(|path| parse("POST", path).ok().unwrap().endpoint.is_free()));
    let costs = ["/v1/models/m:predict", "/v2/models/m/infer", "/v2/models/m/generate", "/v1/embeddings"];
    assert!(costs.iter().all(|path| !parse("POST", path).ok().unwrap().endpoint.is_free()));
    assert!(!Endpoint::Grpc(Rpc::ModelInfer).is_free() && Endpoint::Grpc(Rpc::ModelReady).is_free());
}
