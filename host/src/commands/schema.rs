//! `weir schema`

use crate::exit::Failure;

pub(crate) fn run() -> Result<(), Failure> {
    println!("{}", serde_json::to_string_pretty(&weir_config::schema()).map_err(anyhow::Error::from)?);
    Ok(())
}
