//! `weir host`

use prometheus_client::registry::Registry;

use crate::cli::ConfigArgs;
use crate::configuration;
use crate::exit::Failure;
use crate::lifetime;
use crate::tiers::{TierTwo, Tiers};

pub(crate) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let loaded = configuration::load(&args.config)?;
    configuration::demand_keys(&loaded)?;
    let runtime = lifetime::runtime(&loaded)?;
    runtime.block_on(async {
        let two = TierTwo::start(&loaded, Registry::default()).await?;
        println!("weir host is ready on {}, its control plane on {}", two.url(), two.control_url());
        lifetime::until_stopped(&args.config, &loaded, Tiers { one: None, two: Some(two) }, |_| {}).await
    })
}
