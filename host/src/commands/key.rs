//! `weir key`

use std::path::Path;

use anyhow::Context as _;
use weir_config::keys::{self, KeyKind};
use weir_core::config::KeyHash;

use crate::cli::KeyCommand;
use crate::configuration::random;
use crate::exit::Failure;

pub(crate) fn run(command: &KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Client { file } => {
            make(file, KeyKind::Client)?;
            eprintln!("the key is in {}; give the client that, and the configuration this:", file.display());
            println!("sha256: {}", hash(file)?);
        }
        KeyCommand::Edge { file } => {
            make(file, KeyKind::Edge)?;
            let public = keys::public_key_path(file);
            eprintln!("the key is in {}; tier two is told its public key:", file.display());
            println!("public_key: {{ file: {} }}", public.display());
        }
        KeyCommand::Hash { file } => println!("sha256: {}", hash(file)?),
    }
    Ok(())
}

fn make(file: &Path, kind: KeyKind) -> Result<(), Failure> {
    let mut bytes = [0; 64];
    random(&mut bytes);
    keys::make(file, kind, &bytes).map_err(|error| anyhow::Error::from(error).into())
}

fn hash(file: &Path) -> Result<String, Failure> {
    let key = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(KeyHash::of(key.trim()).into())
}
