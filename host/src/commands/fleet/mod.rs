//! `weir fleet`

mod console;
mod screen;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use weir_fleet::table::{self, Look};
use weir_fleet::{Fleet, changes};

use crate::cli::FleetArgs;
use crate::exit::Failure;
use console::Console;
use screen::Screen;

/// How long a question waits for a change: on a terminal, figures are at most that old.
const LIVE: Duration = Duration::from_secs(1);
const PIPED: Duration = Duration::from_secs(30);
/// After how long a control plane that is gone is asked again.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &FleetArgs) -> Result<(), Failure> {
    let console = Console::new(args)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime cannot start")?;
    runtime.block_on(async {
        let first = console.now().await.map_err(|error| console.explain(&error))?;
        if let Some(model) = args.model.as_deref().filter(|_| first.models.is_empty()) {
            return Err(anyhow::anyhow!("no model answers to `{model}`; `weir fleet` shows all of them").into());
        }
        let terminal = std::io::stdout().is_terminal();
        match (args.follow, args.json) {
            (false, _) => show(&first, args, terminal),
            (true, false) if terminal => live(&console, first, args).await,
            (true, _) => append(&console, first, args).await,
        }
    })
}

fn show(fleet: &Fleet, args: &FleetArgs, terminal: bool) -> Result<(), Failure> {
    let text = match args.json {
        true => serde_json::to_string_pretty(fleet).map_err(anyhow::Error::from)? + "\n",
        false => table::render(fleet, &look(args, terminal)),
    };
    print(&text)
}

/// A table on a terminal, drawn over itself.
async fn live(console: &Console, first: Fleet, args: &FleetArgs) -> Result<(), Failure> {
    let screen = Screen::enter()?;
    let mut stop = std::pin::pin!(crate::signal::stop());
    let mut fleet = first;
    loop {
        let text = table::render(&fleet, &look(args, true));
        screen.draw(&text)?;
        let next = tokio::select! {
            _ = &mut stop => return Ok(()),
            next = console.after(fleet.version, LIVE) => next,
        };
        match next {
            Ok(next) => fleet = next,
            Err(error) if error.may_pass() => {
                screen.draw(&format!("{text}\n{error}; asking again\n"))?;
                tokio::select! {
                    _ = &mut stop => return Ok(()),
                    () = tokio::time::sleep(AGAIN) => {}
                }
            }
            Err(error) => {
                drop(screen);
                return Err(console.explain(&error));
            }
        }
    }
}

/// Lines, each written once.
async fn append(console: &Console, first: Fleet, args: &FleetArgs) -> Result<(), Failure> {
    let line = |fleet: &Fleet| serde_json::to_string(fleet).map(|line| line + "\n").map_err(anyhow::Error::from);
    print(&if args.json { line(&first)? } else { table::render(&first, &look(args, false)) })?;
    let mut fleet = first;
    loop {
        let next = match console.after(fleet.version, PIPED).await {
            Ok(next) => next,
            Err(error) if error.may_pass() => {
                eprintln!("weir: {error}; asking again");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            Err(error) => return Err(console.explain(&error)),
        };
        if args.json {
            if next.version != fleet.version {
                print(&line(&next)?)?;
            }
        } else {
            let lines: String = changes(&fleet, &next).into_iter().map(|line| line + "\n").collect();
            print(&lines)?;
        }
        fleet = next;
    }
}

/// Colours only where somebody looks who has not said no to them (<https://no-color.org>).
fn look(args: &FleetArgs, terminal: bool) -> Look {
    let silent = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let width = terminal.then(|| screen::size().0);
    Look { width, colour: terminal && !silent, endpoints: args.endpoints }
}

/// A reader that has gone has read enough.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(crate::exit::OK.into()),
        other => Ok(other.context("the output cannot be written")?),
    }
}
