//! What is in a manifest, before it is text: every name made and checked.

use std::collections::BTreeMap;

use weir_settings_spin::{CONFIG_VARIABLE, secret_variable};

use crate::application::{Application, Capability, Chain, Configuration, MAX_CONFIG_BYTES, Part};
use crate::{SpinError, name};

/// A manifest's tables.
pub(crate) struct Plan {
    /// Application variables with the configurations, in the chains' order.
    pub(crate) configurations: Vec<(String, Configuration)>,
    /// Application variables with secrets, by name; what they are for.
    pub(crate) secrets: BTreeMap<String, String>,
    /// The triggers, in the chains' order.
    pub(crate) triggers: Vec<Trigger>,
    /// The middleware's components, by id: their sources.
    pub(crate) middleware: BTreeMap<String, String>,
}

/// A trigger and its primary component.
pub(crate) struct Trigger {
    pub(crate) route: String,
    pub(crate) tenant: Option<String>,
    pub(crate) component: String,
    pub(crate) source: String,
    /// Outermost first: the component's id, and what it inherits.
    pub(crate) middleware: Vec<(String, Vec<Capability>)>,
    /// In the order of the alphabet, each once.
    pub(crate) hosts: Vec<String>,
    /// The component's variables, and the application variables that they are filled from.
    pub(crate) variables: Vec<(String, String)>,
}

impl Plan {
    pub(crate) fn of(application: &Application) -> Result<Self, SpinError> {
        let mut plan = Self {
            configurations: Vec::new(),
            secrets: BTreeMap::new(),
            triggers: Vec::new(),
            middleware: BTreeMap::new(),
        };
        if application.chains.is_empty() {
            return Err(SpinError::NoChain);
        }
        let mut taken = Taken::default();
        for (index, chain) in application.chains.iter().enumerate() {
            if let Some(other) = application.chains[..index].iter().find(|other| other.route == chain.route) {
                let (first, second) = (other.tenant.clone(), chain.tenant.clone());
                return Err(SpinError::SameRoute { route: chain.route.to_string(), first, second });
            }
            plan.add(chain, &mut taken)?;
        }
        Ok(plan)
    }

    fn add(&mut self, chain: &Chain, taken: &mut Taken) -> Result<(), SpinError> {
        let (primary, outer) =
            chain.parts.split_last().ok_or_else(|| SpinError::EmptyChain { tenant: chain.tenant.clone() })?;
        let config = config_variable(chain)?;
        taken.take(&config, chain.tenant.as_deref().unwrap_or("the configuration"))?;
        if let Configuration::Default(text) = &chain.configuration
            && text.len() > MAX_CONFIG_BYTES
        {
            return Err(SpinError::ConfigTooLong { tenant: chain.tenant.clone(), bytes: text.len() });
        }
        let component = primary_id(primary, chain.tenant.as_deref())?;
        taken.take(&component, &format!("{} {}", primary.name, chain.route))?;
        let middleware = outer.iter().map(|part| self.outer(part, taken)).collect::<Result<_, _>>()?;
        let mut variables = vec![(CONFIG_VARIABLE.to_owned(), config.clone())];
        for secret in &chain.secrets {
            let variable = self.secret(secret)?;
            if !variables.iter().any(|(known, _)| *known == variable) {
                variables.push((variable.clone(), variable));
            }
        }
        let mut hosts: Vec<String> = chain.origins.iter().map(ToString::to_string).collect();
        hosts.sort();
        hosts.dedup();
        self.configurations.push((config, chain.configuration.clone()));
        self.triggers.push(Trigger {
            route: chain.route.to_string(),
            tenant: chain.tenant.clone(),
            component,
            source: primary.source.clone(),
            middleware,
            hosts,
            variables,
        });
        Ok(())
    }

    /// A middleware's component. Chains share those that are the same file.
    fn outer(&mut self, part: &Part, taken: &mut Taken) -> Result<(String, Vec<Capability>), SpinError> {
        let id = name::kebab(&part.name).ok_or_else(|| SpinError::Name { name: part.name.clone() })?;
        match self.middleware.get(&id) {
            Some(source) if *source == part.source => {}
            Some(source) => {
                return Err(SpinError::SameId { id, first: source.clone(), second: part.source.clone() });
            }
            None => {
                taken.take(&id, &part.source)?;
                self.middleware.insert(id.clone(), part.source.clone());
            }
        }
        Ok((id, part.inherits.iter().copied().collect()))
    }

    /// A secret's variable. Chains share a secret of the same name.
    fn secret(&mut self, secret: &str) -> Result<String, SpinError> {
        let variable = secret_variable(secret);
        let known = self.secrets.entry(variable.clone()).or_insert_with(|| secret.to_owned());
        if known != secret {
            return Err(SpinError::SameVariable { variable, first: known.clone(), second: secret.to_owned() });
        }
        Ok(variable)
    }
}

/// The application variable with a chain's configuration.
fn config_variable(chain: &Chain) -> Result<String, SpinError> {
    let Some(tenant) = &chain.tenant else { return Ok(CONFIG_VARIABLE.to_owned()) };
    let suffix = name::snake(tenant).ok_or_else(|| SpinError::Name { name: tenant.clone() })?;
    Ok(format!("{CONFIG_VARIABLE}_{suffix}"))
}

/// A primary component bears its tenant's name: it is what has the tenant's variables and hosts.
fn primary_id(part: &Part, tenant: Option<&str>) -> Result<String, SpinError> {
    let called = tenant.map_or_else(|| part.name.clone(), |tenant| format!("{}-{tenant}", part.name));
    name::kebab(&called).ok_or(SpinError::Name { name: called })
}

/// Names that are taken, and by what.
#[derive(Default)]
struct Taken(BTreeMap<String, String>);

impl Taken {
    fn take(&mut self, id: &str, by: &str) -> Result<(), SpinError> {
        match self.0.insert(id.to_owned(), by.to_owned()) {
            None => Ok(()),
            Some(first) => Err(SpinError::SameId { id: id.to_owned(), first, second: by.to_owned() }),
        }
    }
}
