//! Starting and stopping a simulator.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use weir_serve::{Listener, ServeLimits, Shutdown, ShutdownTrigger, serve};

use crate::http::{Keys, Server};
use crate::options::{OptionsError, SimOptions};

/// Why a simulator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The options contradict each other.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The address cannot be had.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The key file cannot be read, or has no key in it.
    #[error("cannot take API keys from {path}")]
    Keys {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A simulator that can be started within another program, such as a test.
#[derive(Debug)]
pub struct Sim;

/// A running simulator. Dropped, it stops at once.
#[derive(Debug)]
pub struct SimHandle {
    trigger: ShutdownTrigger,
    task: JoinHandle<()>,
}

impl Sim {
    /// Starts a simulator on `addr` (`options.listen` is not looked at); port 0 takes a free one. Answers where it is.
    ///
    /// # Errors
    /// [`SimError`] for options that make no sense, keys that cannot be read, or an address that cannot be had.
    #[expect(clippy::unused_async, reason = "needs a runtime, and says so by its type")]
    pub async fn bind(addr: SocketAddr, options: SimOptions) -> Result<(SocketAddr, SimHandle), SimError> {
        let (trigger, shutdown) = Shutdown::new();
        let (addr, serving) = start(addr, options, shutdown)?;
        Ok((addr, SimHandle { trigger, task: tokio::spawn(serving) }))
    }
}

impl SimHandle {
    /// Stops it: answers under way have `grace` to come to their end.
    pub async fn stop(mut self, grace: Duration) {
        self.trigger.drain(grace);
        // The task ends with the last connection; that it was cancelled is the only error there could be.
        let _ = (&mut self.task).await;
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs a simulator on `options.listen` until `shutdown`, and says on standard output where it is and what it is.
///
/// # Errors
/// [`SimError`] where it cannot start.
pub async fn run(options: SimOptions, shutdown: Shutdown) -> Result<(), SimError> {
    let models = options.models.join(", ");
    let (addr, serving) = start(options.listen, options, shutdown)?;
    #[expect(clippy::print_stdout, reason = "the start-up line is for a person")]
    {
        println!(
            "weir sim: a simulator of a model server (its answers are made up), listening on http://{addr}/v1 with {models}"
        );
    }
    serving.await;
    Ok(())
}

fn start(
    addr: SocketAddr,
    options: SimOptions,
    shutdown: Shutdown,
) -> Result<(SocketAddr, impl Future<Output = ()> + Send), SimError> {
    check_names(&options)?;
    let keys = options.api_key_file.clone().map(read_keys).transpose()?.unwrap_or_default();
    let params = options.engine()?;
    let listener = Listener::bind(addr).map_err(|source| SimError::Listen { addr, source })?;
    let bound = listener.local_addr();
    tracing::info!(addr = %bound, models = ?options.models, seed = options.seed, "simulator is up; its answers are made up");
    let server = Arc::new(Server::new(options, &params, keys));
    let service = move |request, _peer| {
        let server = Arc::clone(&server);
        async move { server.respond(request).await }
    };
    let serving = async move {
        serve(listener, None, service, ServeLimits::default(), shutdown).await;
    };
    Ok((bound, serving))
}

fn check_names(options: &SimOptions) -> Result<(), OptionsError> {
    let mut seen = HashSet::new();
    for name in options.models.iter().chain(&options.adapters) {
        if !seen.insert(name) {
            return Err(OptionsError::NameTwice { name: name.clone() });
        }
    }
    Ok(())
}

/// Keeps the digests of the keys in a file, never the keys.
fn read_keys(path: PathBuf) -> Result<Keys, SimError> {
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(SimError::Keys { path, source }),
    };
    let keys: Keys =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(|key| Sha256::digest(key).into()).collect();
    if keys.is_empty() {
        return Err(SimError::Keys {
            path,
            source: io::Error::new(io::ErrorKind::InvalidData, "there is no key in it"),
        });
    }
    Ok(keys)
}
