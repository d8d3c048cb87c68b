//! The paths of KServe's two inference protocols over REST: V1
//! (<https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol>) and V2
//! (<https://github.com/kserve/open-inference-protocol>), with what Triton adds to it.

use super::path::{Named, segment};
use super::{Endpoint, rpc};
use crate::Dialect;

/// What V2's paths begin with.
const V2: &str = "/v2";

/// What V1's paths begin with that name a model.
const V1_MODELS: &str = "/v1/models/";

/// The dialect, for a path that is one of these protocols' and no other's.
pub(super) fn dialect_of(path: &str) -> Option<Dialect> {
    let v2 = path.strip_prefix(V2).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match path {
        "/" => Some(Dialect::KserveV1),
        _ if verb(path).is_some() => Some(Dialect::KserveV1),
        _ if v2 => Some(Dialect::KserveV2),
        _ if rpc::is_grpc(path) => Some(Dialect::KserveGrpc),
        _ => None,
    }
}

/// What a path of these protocols names.
pub(super) fn named(path: &str) -> Option<Named> {
    if let Some(rpc) = rpc::Rpc::read(path) {
        return Some(Named::at(Endpoint::Grpc(rpc)));
    }
    if let Some((name, endpoint)) = verb(path) {
        return Some(Named { model: Some(segment(name)?), ..Named::at(endpoint) });
    }
    let endpoint = match path {
        "/" => Endpoint::Alive,
        V2 => Endpoint::ServerMetadata,
        "/v2/health/live" => Endpoint::ServerLive,
        "/v2/health/ready" => Endpoint::ServerReady,
        "/v2/models" => Endpoint::ModelNames,
        "/v2/repository/index" => Endpoint::RepositoryIndex,
        _ => return v2_model(path.strip_prefix("/v2/models/")?),
    };
    Some(Named::at(endpoint))
}

/// Whether a path would have a model loaded or unloaded.
pub(super) fn loads(path: &str) -> bool {
    let v2 = path.strip_prefix("/v2/repository/models/");
    v2.is_some_and(|rest| rest.ends_with("/load") || rest.ends_with("/unload")) || rpc::loads(path)
}

/// V1's `{model}:predict` and `{model}:explain`. The name may hold a `/` or a `:`; the last `:` begins the verb, and only
/// where it is written plainly.
fn verb(path: &str) -> Option<(&str, Endpoint)> {
    let rest = path.strip_prefix(V1_MODELS)?;
    let verbs = [(":predict", Endpoint::Predict), (":explain", Endpoint::Explain)];
    verbs.into_iter().find_map(|(verb, endpoint)| Some((rest.strip_suffix(verb)?, endpoint)))
}

/// V2's `{model}[/versions/{version}][/ready|/infer|…]`. The name may hold a `/`, but no segment `versions`: a server
/// behind might take what follows for the version, and what precedes for the name.
fn v2_model(rest: &str) -> Option<Named> {
    let endings = [
        ("/ready", Endpoint::ModelReady),
        ("/infer", Endpoint::Infer),
        ("/generate", Endpoint::Generate),
        ("/generate_stream", Endpoint::GenerateStream),
    ];
    let ending = endings.into_iter().find_map(|(ending, endpoint)| Some((rest.strip_suffix(ending)?, endpoint)));
    let (rest, endpoint) = ending.unwrap_or((rest, Endpoint::ModelMetadata));
    let (name, version) = match rest.rsplit_once("/versions/") {
        Some((name, version)) if !version.contains('/') => (name, Some(segment(version)?)),
        _ => (rest, None),
    };
    let name = segment(name)?;
    let plain = name.split('/').all(|segment| segment != "versions");
    plain.then(|| Named { model: Some(name), version, ..Named::at(endpoint) })
}
