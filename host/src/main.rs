//! `weir`, the binary: reads settings, builds, runs, waits for the signal, drains.

mod chain;
mod cli;
mod commands;
mod configuration;
mod exit;
mod lifetime;
mod signal;
mod tiers;

use clap::Parser as _;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::exit::Failure;

fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // What cannot be printed has nobody to read it.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { exit::OK } else { exit::USAGE }.into();
        }
    };
    let Ok(filter) = EnvFilter::try_new(filter(&cli.log)) else {
        eprintln!("weir: `{}` is no log filter; try `info` or `weir_edge=debug`", cli.log);
        return exit::USAGE.into();
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(cli.command) {
        Ok(()) => exit::OK.into(),
        Err(failure) => {
            eprintln!("{failure}");
            failure.code().into()
        }
    }
}

/// What is asked for; and silence from the API server's client, whose every failed try is told by what watches, unless it
/// is asked for, too.
fn filter(asked: &str) -> String {
    if asked.contains("kube_client") { asked.to_owned() } else { format!("{asked},kube_client=off") }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Up(args) => commands::up::run(&args),
        Command::Edge(args) => commands::edge::run(&args),
        Command::Host(args) => commands::host::run(&args),
        Command::Fleet(args) => commands::fleet::run(&args),
        Command::Sim(options) => commands::sim::run(*options),
        Command::Check(args) => commands::check::run(&args),
        Command::Key(command) => commands::key::run(&command),
        Command::Schema => commands::schema::run(),
        Command::Compose(args) => commands::compose::run(&args),
    }
}
