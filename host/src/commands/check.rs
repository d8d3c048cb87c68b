//! `weir check`

use crate::cli::CheckArgs;
use crate::configuration;
use crate::exit::Failure;

pub(crate) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let loaded = configuration::load(&args.config.config)?;
    if args.compile {
        println!("{}", serde_json::to_string(&loaded.config).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    let config = &loaded.config;
    println!(
        "{} is right: {} tenants, {} backends, {} routes, {} limits (policy {})",
        loaded.name,
        config.tenants.len(),
        config.backends.len(),
        config.routes.len(),
        config.limits.len(),
        config.policy,
    );
    for key in &loaded.pending {
        println!("to be made by `weir up`, or by `{} {}`", key.kind.command(), key.path.display());
    }
    Ok(())
}
