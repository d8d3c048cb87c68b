//! `weir compose`

mod lock;
mod spin;

use std::path::Path;

use anyhow::Context as _;
use weir_compose::{Access, Around, Chain, Composed, Description, Grants};
use weir_config::settings::Part;
use weir_config::{EdgeSettings, Loaded, SecretRef, for_tenant, secrets_of};
use weir_core::Config;
use weir_settings_env::secret_variable;

use crate::cli::ComposeArgs;
use crate::exit::Failure;
use crate::{chain, configuration};
use lock::Lock;

pub(crate) fn run(args: &ComposeArgs) -> Result<(), Failure> {
    match (&args.inspect, &args.output) {
        (Some(file), _) => inspect(file),
        (None, Some(output)) if args.spin => spin::run(args, output),
        (None, Some(output)) => compose(args, output),
        // The command line asks for one of them.
        (None, None) => Err(anyhow::anyhow!("say where the composed file goes: `-o OUT.wasm`").into()),
    }
}

/// Prints what a composed file says of itself.
fn inspect(file: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let description = weir_compose::inspect(&bytes).with_context(|| file.display().to_string())?;
    print!("{}", picture(&description));
    println!("\n{}", serde_json::to_string_pretty(&description).map_err(anyhow::Error::from)?);
    Ok(())
}

fn compose(args: &ComposeArgs, output: &Path) -> Result<(), Failure> {
    let loaded = configuration::load(&args.config.config)?;
    configuration::demand_keys(&loaded)?;
    let edge = edge_of(&loaded)?;
    let config = baked(&loaded, edge, args.tenant.as_deref())?;
    let composed = of_tenant(edge, &config, args)?;
    let lock = Lock::beside(output)?;
    let entry = lock::Entry::of(&composed, &loaded.digest);
    if args.locked {
        lock.demand(output, &entry)?;
    } else {
        lock.with(output, entry)?.write()?;
    }
    std::fs::write(output, &composed.bytes).with_context(|| format!("{} cannot be written", output.display()))?;
    println!("{} ({} KiB)\n", output.display(), composed.bytes.len().div_ceil(1024));
    print!("{}", picture(&composed.description));
    print!("{}", how_to_run(&loaded, &composed.description, output));
    Ok(())
}

fn edge_of(loaded: &Loaded) -> Result<&EdgeSettings, Failure> {
    loaded
        .edge
        .as_ref()
        .ok_or_else(|| Failure::Config(format!("{}: there is no `edge`, so there is no chain to compose", loaded.name)))
}

/// The configuration that goes into the file: of one tenant, or of all.
fn baked(loaded: &Loaded, edge: &EdgeSettings, tenant: Option<&str>) -> Result<Config, Failure> {
    let config = match tenant {
        None => loaded.config.clone(),
        Some(tenant) => for_tenant(&loaded.config, tenant).ok_or_else(|| {
            let known: Vec<_> = loaded.config.tenants.iter().map(|known| format!("`{}`", known.name)).collect();
            let known = known.join(", ");
            Failure::Config(format!("{}: there is no tenant `{tenant}`; it has {known}", loaded.name))
        })?,
    };
    let chain = edge.chain_for(tenant).iter().flat_map(Part::roles).collect();
    Ok(Config { chain, ..config })
}

fn of_tenant(edge: &EdgeSettings, config: &Config, args: &ComposeArgs) -> Result<Composed, Failure> {
    let text = serde_json::to_string(config).map_err(anyhow::Error::from)?;
    let ours = |part: &str| {
        let secrets = secrets_of(part, config).into_iter().map(|name| (name.clone(), name)).collect();
        Access::Settings(Grants { config: Some(text.clone()), secrets, ..Grants::default() })
    };
    let settings = args.settings.clone().unwrap_or_else(|| edge.components.join("settings-env.wasm"));
    let settings = std::fs::read(&settings)
        .with_context(|| format!("{} cannot be read; `make components` builds it", settings.display()))?;
    let around = Around::from_folder(&edge.components)
        .with_context(|| format!("a component in {} cannot be read", edge.components.display()))?;
    let chain = Chain {
        tenant: args.tenant.clone(),
        parts: chain::parts(edge.chain_for(args.tenant.as_deref()), ours)?,
        around: Around { settings: Some(settings), ..around },
    };
    chain.compose().map_err(|error| Failure::Config(format!("weir: {:#}", anyhow::Error::from(error))))
}

fn picture(description: &Description) -> String {
    let whose = match &description.tenant {
        Some(tenant) => format!("for the tenant `{tenant}`, and no other"),
        None => "for every tenant of its configuration".to_owned(),
    };
    format!("{whose}\n\n{description}")
}

/// Which variables are to be set, with where each value is on this machine, and the command.
fn how_to_run(loaded: &Loaded, description: &Description, output: &Path) -> String {
    let place = |variable: &String| {
        let found = loaded.secrets.iter().find(|(name, _)| secret_variable(name) == *variable);
        match found.map(|(_, reference)| reference) {
            Some(SecretRef::Env(name)) => format!("  {variable}=\"${name}\""),
            Some(SecretRef::File(path)) => format!("  {variable}=\"$(cat {})\"", path.display()),
            None => format!("  {variable}=…"),
        }
    };
    let variables: Vec<_> = description.variables.iter().map(place).collect();
    let run = format!("  wasmtime serve -S cli -S inherit-env=y {}\n", output.display());
    match variables.as_slice() {
        [] => format!("\nNo variable has to be set. Run it with\n{run}"),
        variables => {
            format!("\nSet these where it runs, here for example so:\n{}\nand run it with\n{run}", variables.join("\n"))
        }
    }
}
