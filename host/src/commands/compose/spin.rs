//! `weir compose --spin`: the manifest, and the files of parts that are not Weir's own.

mod path;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use weir_compose::{Access, Around, fence};
use weir_config::settings::{Part, TenantPlace};
use weir_config::{EdgeSettings, Loaded, SecretRef, secrets_of};
use weir_core::{Config, Origin};
use weir_settings_spin::secret_variable;
use weir_spin::{Application, Capability, Chain, Configuration, Route, SpinError};

use super::baked;
use crate::cli::ComposeArgs;
use crate::exit::Failure;
use crate::{chain, configuration};

pub(super) fn run(args: &ComposeArgs, output: &Path) -> Result<(), Failure> {
    let loaded = configuration::load(&args.config.config)?;
    if args.values.is_none() {
        configuration::demand_keys(&loaded)?;
    }
    let edge = super::edge_of(&loaded)?;
    let mut maker = Maker::new(edge, output)?;
    let places = places(&loaded, edge, args.tenant.as_deref())?;
    let chains = places.into_iter().map(|place| maker.chain(place)).collect::<Result<Vec<_>, _>>()?;
    let name = args.tenant.as_ref().map_or_else(|| edge.name.clone(), |tenant| format!("{}-{tenant}", edge.name));
    let application = Application { name, version: env!("CARGO_PKG_VERSION").to_owned(), chains };
    let manifest = match &args.values {
        None => application.manifest().map_err(refused)?,
        Some(file) => {
            let (manifest, values) = application.manifest_and_values().map_err(refused)?;
            write(file, values.as_bytes())?;
            manifest
        }
    };
    for (file, bytes) in &maker.files {
        write(file, bytes)?;
    }
    write(output, manifest.to_string().as_bytes())?;
    print!("{}", how_to_run(&loaded, &application, output, args.values.as_deref()));
    Ok(())
}

/// A chain and where it stands.
struct Place<'a> {
    tenant: Option<&'a str>,
    route: Route,
    parts: &'a [Part],
    config: Config,
}

/// One chain for each tenant that has a place, and one for all others; or that of one tenant alone.
fn places<'a>(loaded: &'a Loaded, edge: &'a EdgeSettings, only: Option<&'a str>) -> Result<Vec<Place<'a>>, Failure> {
    if only.is_some() {
        let (route, parts, config) = (Route::everything(), edge.chain_for(only), baked(loaded, edge, only)?);
        return Ok(vec![Place { tenant: None, route, parts, config }]);
    }
    let mut places = Vec::new();
    for own in &edge.tenants {
        let tenant = own.tenant.as_str();
        let route = match &own.at {
            Some(TenantPlace::Path(path)) => Route::under(path).map_err(refused)?,
            Some(TenantPlace::Host(host)) => {
                return Err(refused(SpinError::Host { tenant: tenant.to_owned(), host: host.clone() }));
            }
            None => return Err(refused(SpinError::NoPlace { tenant: tenant.to_owned() })),
        };
        let config = baked(loaded, edge, Some(tenant))?;
        let config = Config { base_path: route.base_path().to_owned(), ..config };
        places.push(Place { tenant: Some(tenant), route, parts: edge.chain_for(Some(tenant)), config });
    }
    let placed: BTreeSet<&str> = places.iter().filter_map(|place| place.tenant).collect();
    let others = without(baked(loaded, edge, None)?, &placed);
    // A file whose keys are still to be made has tenants without any, which are tenants all the same.
    if !others.tenants.is_empty() || placed.is_empty() {
        places.insert(0, Place { tenant: None, route: Route::everything(), parts: &edge.chain, config: others });
    }
    Ok(places)
}

/// The configuration for all tenants but those that have a chain elsewhere.
fn without(mut config: Config, elsewhere: &BTreeSet<&str>) -> Config {
    if elsewhere.is_empty() {
        return config;
    }
    config.tenants.retain(|tenant| !elsewhere.contains(tenant.name.as_str()));
    config.routes.retain(|route| {
        route.tenants.is_empty() || route.tenants.iter().any(|tenant| !elsewhere.contains(tenant.as_str()))
    });
    for route in &mut config.routes {
        route.tenants.retain(|tenant| !elsewhere.contains(tenant.as_str()));
    }
    let targets = config.routes.iter().flat_map(|route| &route.targets);
    let used: BTreeSet<String> = targets.map(|target| target.backend.clone()).collect();
    config.backends.retain(|name, _| used.contains(name));
    config
}

/// Makes chains for a manifest in one folder.
struct Maker<'a> {
    edge: &'a EdgeSettings,
    /// The manifest's folder.
    folder: PathBuf,
    /// The folder for parts that are not Weir's own, beside the manifest.
    fenced: PathBuf,
    around: Around,
    /// What is to be written there.
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl<'a> Maker<'a> {
    fn new(edge: &'a EdgeSettings, output: &Path) -> Result<Self, Failure> {
        let output = std::path::absolute(output).context("the current folder is gone")?;
        let folder = output.parent().context("the manifest has no folder")?.to_owned();
        let stem = output.file_stem().context("the manifest has no name")?.to_string_lossy();
        let fenced = folder.join(format!("{stem}-parts"));
        let around = Around::from_folder(&edge.components)
            .with_context(|| format!("a component in {} cannot be read", edge.components.display()))?;
        Ok(Self { edge, folder, fenced, around, files: Vec::new() })
    }

    fn chain(&mut self, place: Place<'_>) -> Result<Chain, Failure> {
        let Place { tenant, route, parts, config } = place;
        let mut secrets: BTreeSet<String> = BTreeSet::new();
        let mut origins: Vec<Origin> = config.backends.values().map(|backend| backend.origin.clone()).collect();
        origins.extend(config.control.iter().flat_map(|control| control.origins.clone()));
        let mut made = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            secrets.extend(secrets_of(&part.name, &config));
            if let Some(grants) = part.grants() {
                secrets.extend(grants.secrets.values().cloned());
                origins.extend(grants.network.iter().flatten().map(|(origin, _)| origin.clone()));
                let behind_auth = parts[..index].iter().any(|outer| outer.is_ours() && outer.name == "auth");
                made.push(self.foreign(part, tenant, behind_auth)?);
            } else {
                made.push(self.own(part, &config));
            }
        }
        let text = serde_json::to_string(&config).map_err(anyhow::Error::from)?;
        Ok(Chain {
            tenant: tenant.map(str::to_owned),
            route,
            configuration: Configuration::Default(text),
            secrets: secrets.into_iter().collect(),
            origins,
            parts: made,
        })
    }

    /// One of Weir's own, as `make components` leaves it for Spin: with its settings in it.
    fn own(&self, part: &Part, config: &Config) -> weir_spin::Part {
        let file = self.edge.components.join("spin").join(format!("{}.wasm", part.name));
        let needs: &[Capability] = match part.name.as_str() {
            "limiter" if config.control.is_some() => &[Capability::Variables, Capability::AllowedOutboundHosts],
            _ => &[Capability::Variables],
        };
        weir_spin::Part::new(&part.name, path::relative(&self.folder, &file)).inherits(needs)
    }

    /// Somebody else's, in a file of its own with its grant and its wardens around it. It inherits what its grant hands
    /// on, and the grant sees to it that it is no more than was granted.
    fn foreign(&mut self, part: &Part, tenant: Option<&str>, behind_auth: bool) -> Result<weir_spin::Part, Failure> {
        let own_chain =
            tenant.filter(|tenant| self.edge.tenants.iter().any(|t| t.tenant == *tenant && t.chain.is_some()));
        let name = own_chain.map_or_else(|| part.name.clone(), |tenant| format!("{}-{tenant}", part.name));
        let mut needs = Vec::new();
        let grants = part.grants();
        if grants.is_some_and(|grants| !grants.secrets.is_empty()) {
            needs.push(Capability::Variables);
        }
        if grants.is_some_and(|grants| grants.network.as_ref().is_some_and(|network| !network.is_empty())) {
            needs.push(Capability::AllowedOutboundHosts);
        }
        let file = self.fenced.join(format!("{name}.wasm"));
        if !self.files.iter().any(|(known, _)| *known == file) {
            let settings = self.edge.components.join("settings-spin.wasm");
            let settings = std::fs::read(&settings)
                .with_context(|| format!("{} cannot be read; `make components` builds it", settings.display()))?;
            let around = Around { settings: Some(settings), ..self.around.clone() };
            let read = chain::parts(std::slice::from_ref(part), |_| Access::Host)?.remove(0);
            let bytes = fence(&read, behind_auth, &around);
            let bytes = bytes.map_err(|error| Failure::Config(format!("weir: {:#}", anyhow::Error::from(error))))?;
            self.files.push((file.clone(), bytes));
        }
        Ok(weir_spin::Part::new(name, path::relative(&self.folder, &file)).inherits(&needs))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn refused(error: SpinError) -> Failure {
    Failure::Config(format!("weir: {error}"))
}

/// Writes a file, its folder included. One that is the same already is left alone.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, bytes));
    Ok(written.with_context(|| format!("{} cannot be written", path.display()))?)
}

/// The command, with where each secret is on this machine.
fn how_to_run(loaded: &Loaded, application: &Application, output: &Path, values: Option<&Path>) -> String {
    let routes: Vec<_> = application.chains.iter().map(|chain| chain.route.to_string()).collect();
    let mut text = format!("{}: {}\n\nRun it, here for example so:\n", output.display(), routes.join(", "));
    text += &format!("  spin up --from {}", output.display());
    if let Some(values) = values {
        text += &format!(" \\\n    --variable @{}", values.display());
    }
    let secrets: BTreeSet<&String> = application.chains.iter().flat_map(|chain| &chain.secrets).collect();
    for secret in secrets {
        let variable = secret_variable(secret);
        text += &match loaded.secrets.get(secret) {
            Some(SecretRef::Env(name)) => format!(" \\\n    --variable {variable}=\"${name}\""),
            Some(SecretRef::File(path)) => format!(" \\\n    --variable {variable}=@{}", path.display()),
            None => format!(" \\\n    --variable {variable}=…"),
        };
    }
    text + "\n"
}
