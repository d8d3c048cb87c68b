//! Gives components their settings, for a runtime that composes none into them:
//! `cargo run -p weir-spin --example plug -- SETTINGS.wasm PART.wasm… FOLDER`.
//!
//! Each part is written into the folder under its own name, and left alone there if it is the same already. A part that
//! imports no settings is copied.

use std::path::Path;
use std::process::ExitCode;

use weir_compose::{ComposeError, Part, plug};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [settings, parts @ .., folder] = arguments.as_slice() else {
        eprintln!("usage: plug SETTINGS.wasm PART.wasm… FOLDER");
        return ExitCode::from(64);
    };
    match run(Path::new(settings), parts, Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plug: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Path, parts: &[String], folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let settings = Part::new("settings", read(settings)?);
    std::fs::create_dir_all(folder)?;
    for path in parts.iter().map(Path::new) {
        let name = path.file_name().ok_or_else(|| format!("`{}` is no file", path.display()))?;
        let part = Part::new(path.display().to_string(), read(path)?);
        let plugged = match plug(&part, &settings) {
            Err(ComposeError::NothingToPlug { .. }) => part.bytes,
            plugged => plugged?,
        };
        let target = folder.join(name);
        if std::fs::read(&target).ok().as_ref() != Some(&plugged) {
            std::fs::write(&target, &plugged)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))
}
