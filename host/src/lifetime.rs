//! Running until the signal: reload when the file changes, drain when asked to stop.

use std::path::Path;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use weir_config::Loaded;

use crate::configuration;
use crate::exit::{self, Failure};
use crate::signal;
use crate::tiers::Tiers;

/// The runtime that everything runs on.
pub(crate) fn runtime(loaded: &Loaded) -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = loaded.edge.as_ref().and_then(|edge| edge.instances.workers) {
        builder.worker_threads(workers.max(1) as usize);
    }
    Ok(builder.enable_all().build().context("the runtime cannot start")?)
}

/// Runs until SIGTERM or SIGINT; a second one ends the process at once. A change of the file is taken over, if it is
/// good.
///
/// `complete` fills in what the file leaves open, as it was filled in at the start.
pub(crate) async fn until_stopped(
    path: &Path,
    loaded: &Loaded,
    mut tiers: Tiers,
    complete: impl Fn(&mut Loaded),
) -> Result<(), Failure> {
    warn_of_what_is_lost(loaded, &tiers);
    let (sender, mut changes) = mpsc::unbounded_channel();
    // The receiver lives as long as this function; a change that comes later is nobody's.
    let _watch = weir_config::watch(path, &loaded.digest, move |change| drop(sender.send(change)))
        .context("the configuration cannot be watched for changes")?;
    let mut stop = std::pin::pin!(signal::stop());
    loop {
        tokio::select! {
            name = &mut stop => {
                let name = name.context("signals cannot be waited for")?;
                eprintln!("weir: {name}: no new connections; open streams may finish");
                break;
            }
            Some(change) = changes.recv() => match change {
                Ok(mut new) => {
                    complete(&mut new);
                    report_reload(tiers.reload(&new).await);
                }
                Err(report) => {
                    eprintln!("{}", configuration::render(&report));
                    eprintln!("weir: the running configuration is kept");
                }
            },
        }
    }
    tokio::spawn(async {
        if signal::stop().await.is_ok() {
            // Somebody does not want to wait.
            std::process::exit(exit::FAILED.into());
        }
    });
    tiers.stop().await;
    Ok(())
}

fn report_reload(taken: Result<(), Failure>) {
    match taken {
        Ok(()) => eprintln!("weir: the new configuration is in effect"),
        Err(failure) => eprintln!("{failure}\nweir: the running configuration is kept"),
    }
}

/// What does not hold without a control plane is said at the start.
fn warn_of_what_is_lost(loaded: &Loaded, tiers: &Tiers) {
    if tiers.one.is_some() && loaded.config.control.is_none() {
        eprintln!(
            "weir: no control plane is configured: limits are kept for each instance and best effort, usage is not \
             recorded, and failing backends are found out by each instance for itself"
        );
    }
}
