//! `weir up`

use std::net::SocketAddr;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use weir_config::Loaded;
use weir_config::settings::ModelServer;
use weir_core::Config;
use weir_sim::{Sim, SimHandle, SimOptions};

use crate::cli::UpArgs;
use crate::configuration;
use crate::exit::Failure;
use crate::lifetime;
use crate::tiers::{TierOne, TierTwo, Tiers};

pub(crate) fn run(args: &UpArgs) -> Result<(), Failure> {
    let mut loaded = configuration::load_and_make_keys(&args.config.config)?;
    let runtime = lifetime::runtime(&loaded)?;
    runtime.block_on(async {
        let sims = Sims::start(args, &loaded).await?;
        sims.stand_in(&mut loaded);
        eprintln!("weir: starting tier one; the first start compiles its components, which takes some seconds");
        let one = TierOne::start(&loaded)?;
        let mut registry = Registry::default();
        one.count_in(&mut registry);
        let two = match loaded.host.is_some() {
            true => Some(TierTwo::start(&loaded, registry).await?),
            false => None,
        };
        println!("weir is ready: tier one on {}", one.url());
        if let Some(two) = &two {
            println!("  tier two on {}, the control plane on {}", two.url(), two.control_url());
        }
        sims.announce();
        println!("\n{}", example(&loaded, &one.url()));
        lifetime::until_stopped(&args.config.config, &loaded, Tiers { one: Some(one), two }, move |new| {
            sims.stand_in(new);
        })
        .await
    })
}

/// The simulators for models that have no endpoint.
struct Sims(Vec<(String, SocketAddr, SimHandle)>);

impl Sims {
    async fn start(args: &UpArgs, loaded: &Loaded) -> Result<Self, Failure> {
        let time =
            |text: &str| weir_sim::parse_time(text).with_context(|| format!("`{text}` is no time; write `20ms`"));
        let (ttft, tpot) = (time(&args.sim_ttft)?, time(&args.sim_tpot)?);
        let mut sims = Vec::new();
        let models = loaded.host.iter().flat_map(|host| &host.models).filter(|model| model.endpoints.is_empty());
        for model in models {
            let options = SimOptions { models: vec![model.name.clone()], ttft, tpot, ..SimOptions::default() };
            let address = ([127, 0, 0, 1], 0).into();
            let (address, sim) = Sim::bind(address, options).await.context("the simulator cannot start")?;
            sims.push((model.name.clone(), address, sim));
        }
        Ok(Self(sims))
    }

    /// Makes the simulators the endpoints of the models that have none.
    fn stand_in(&self, loaded: &mut Loaded) {
        for model in loaded.host.iter_mut().flat_map(|host| &mut host.models).filter(|m| m.endpoints.is_empty()) {
            let Some((_, address, _)) = self.0.iter().find(|(name, ..)| *name == model.name) else { continue };
            let Ok(origin) = format!("http://{address}").parse() else { continue };
            model.endpoints.push(ModelServer::new(origin, "/v1"));
        }
    }

    fn announce(&self) {
        for (model, address, _) in &self.0 {
            println!("  the model `{model}` has no server: a simulator on http://{address} makes its answers up");
        }
    }
}

/// A `curl` command that works as it stands.
fn example(loaded: &Loaded, url: &str) -> String {
    let Some((key, model)) = loaded.client_key().zip(first_model(&loaded.config)) else {
        return "Send it a request with one of your clients' keys.".to_owned();
    };
    format!(
        "curl -N {url}/v1/chat/completions \\\n  -H 'authorization: Bearer {}' \\\n  -H 'content-type: application/json' \\\n  \
         -d '{{\"model\": \"{model}\", \"stream\": true, \"messages\": [{{\"role\": \"user\", \"content\": \"How wide is the river?\"}}]}}'",
        key.expose()
    )
}

/// The first model that has a name of its own.
fn first_model(config: &Config) -> Option<&str> {
    config.routes.iter().flat_map(|route| &route.models).find_map(weir_core::Pattern::literal)
}
