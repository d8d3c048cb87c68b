//! From the chain of the configuration to what is composed.

use anyhow::Context as _;
use weir_compose::{Access, Grants, Part};
use weir_config::Machine;
use weir_config::settings::{self, Source};

use crate::exit::Failure;

/// The parts of a chain, read and compared with their digests. Somebody else's gets what the file grants to it, one of
/// Weir's own what `ours` says for its name.
pub(crate) fn parts(chain: &[settings::Part], ours: impl Fn(&str) -> Access) -> Result<Vec<Part>, Failure> {
    chain
        .iter()
        .map(|part| {
            let bytes = part.read(&Machine).with_context(|| match &part.source {
                Source::Own { .. } => format!("the part `{}` is missing; `make components` builds it", part.name),
                Source::Foreign(_) => format!("the part `{}` cannot be used", part.name),
            })?;
            let access = part.grants().map_or_else(|| ours(&part.name), |grants| Access::Granted(grants_of(grants)));
            Ok(Part::new(part.name.clone(), bytes).with(access))
        })
        .collect()
}

fn grants_of(grants: &settings::Grants) -> Grants {
    let origins =
        |network: &Vec<(weir_core::Origin, _)>| network.iter().map(|(origin, _)| origin.to_string()).collect();
    Grants {
        config: grants.settings.clone(),
        secrets: grants.secrets.clone(),
        network: grants.network.as_ref().map(origins),
        environment: grants.environment.clone(),
    }
}
