//! `weir compose`

use anyhow::Context as _;
use weir_compose::{Part, compose, plug};

use crate::cli::ComposeArgs;
use crate::configuration;
use crate::exit::Failure;

pub(crate) fn run(args: &ComposeArgs) -> Result<(), Failure> {
    let loaded = configuration::load(&args.config.config)?;
    let edge = loaded.edge.as_ref().context("the configuration has no `edge`, so there is no chain to compose")?;
    let read =
        |path: &std::path::Path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
    let settings = args.settings.as_deref().map(read).transpose()?;
    let mut parts = Vec::new();
    for part in &edge.chain {
        let component = Part::new(part.name.clone(), read(&part.path)?);
        parts.push(match &settings {
            Some(settings) => {
                let provider = Part::new("settings", settings.clone());
                Part::new(part.name.clone(), plug(&component, &provider).map_err(anyhow::Error::from)?)
            }
            None => component,
        });
    }
    let composed = compose(&parts).map_err(anyhow::Error::from)?;
    std::fs::write(&args.output, &composed).with_context(|| format!("{} cannot be written", args.output.display()))?;
    let names: Vec<&str> = edge.chain.iter().map(|part| part.name.as_str()).collect();
    println!("{}: {} ({} KiB)", args.output.display(), names.join(" → "), composed.len() / 1024);
    Ok(())
}
