//! `weir edge`

use crate::cli::ConfigArgs;
use crate::configuration;
use crate::exit::Failure;
use crate::lifetime;
use crate::tiers::{TierOne, Tiers};

pub(crate) fn run(args: &ConfigArgs) -> Result<(), Failure> {
    let loaded = configuration::load(&args.config)?;
    configuration::demand_keys(&loaded)?;
    let runtime = lifetime::runtime(&loaded)?;
    runtime.block_on(async {
        let one = TierOne::start(&loaded)?;
        println!("weir edge is ready on {}", one.url());
        lifetime::until_stopped(&args.config, &loaded, Tiers { one: Some(one), two: None }, |_| {}).await
    })
}
