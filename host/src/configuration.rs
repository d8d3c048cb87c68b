//! Loading the configuration, as every command does it.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Context as _;
use weir_config::{ConfigReport, Loaded};

use crate::exit::Failure;

/// Loads a configuration. Warnings are printed.
pub(crate) fn load(path: &Path) -> Result<Loaded, Failure> {
    let loaded = weir_config::load(path).map_err(failure)?;
    if !loaded.warnings.is_empty() {
        eprintln!("{}", render(&loaded.warnings));
    }
    Ok(loaded)
}

/// Loads a configuration and makes the keys that it wants made and that are not there yet.
pub(crate) fn load_and_make_keys(path: &Path) -> Result<Loaded, Failure> {
    // That keys are missing need not be said: they are about to be made.
    let loaded = weir_config::load(path).map_err(failure)?;
    let made = weir_config::create_missing(&loaded, &mut |bytes| random(bytes)).map_err(anyhow::Error::from)?;
    for key in &made {
        eprintln!("made {}", key.path.display());
    }
    load(path)
}

/// Refuses a configuration whose keys are still to be made: only `weir up` makes them by itself.
pub(crate) fn demand_keys(loaded: &Loaded) -> Result<(), Failure> {
    let Some(key) = loaded.pending.first() else { return Ok(()) };
    let path = key.path.display();
    let report =
        format!("weir: {path} is not there; make it with `{} {path}`, or start with `weir up`", key.kind.command());
    Err(Failure::Config(report))
}

/// A report as a failure.
#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
pub(crate) fn failure(report: ConfigReport) -> Failure {
    Failure::Config(render(&report))
}

/// A report, in colour where somebody looks at it.
pub(crate) fn render(report: &ConfigReport) -> String {
    report.render(std::io::stderr().is_terminal())
}

/// Fills `bytes` from the operating system's source of randomness.
///
/// # Panics
/// When the system has none; no key could be made then.
#[expect(clippy::expect_used, reason = "without randomness nothing of this is safe")]
pub(crate) fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system has a source of randomness");
}

/// The access log, as the configuration says.
pub(crate) fn access_log(loaded: &Loaded) -> Result<weir_serve::AccessLog, Failure> {
    use weir_config::settings::AccessLog;
    let log = match &loaded.access_log {
        AccessLog::Off => return Ok(weir_serve::AccessLog::off()),
        AccessLog::Stdout => weir_serve::AccessLog::stdout(),
        AccessLog::File(path) => std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(weir_serve::AccessLog::to_writer)
            .map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", path.display()))),
    };
    Ok(log.context("the access log cannot be written")?)
}
