//! `weir sim`

use anyhow::Context as _;
use weir_serve::Shutdown;
use weir_sim::SimOptions;

use crate::exit::Failure;
use crate::signal;

pub(crate) fn run(options: SimOptions) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime cannot start")?;
    runtime.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        tokio::spawn(async move {
            // Without signals it runs until it is killed.
            if signal::stop().await.is_ok() {
                trigger.drain(std::time::Duration::from_secs(5));
            } else {
                std::future::pending::<()>().await;
            }
        });
        weir_sim::run(options, shutdown).await.context("the simulator cannot run")?;
        Ok(())
    })
}
