//! The simulator as a program of its own: `cargo run -p weir-sim --example sim -- --help`.

use std::time::Duration;

use clap::Parser;
use weir_serve::Shutdown;
use weir_sim::SimOptions;

#[derive(Parser)]
#[command(name = "sim")]
struct Arguments {
    #[command(flatten)]
    options: SimOptions,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let (trigger, shutdown) = Shutdown::new();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            trigger.drain(Duration::from_secs(5));
        }
    });
    weir_sim::run(arguments.options, shutdown).await?;
    Ok(())
}
