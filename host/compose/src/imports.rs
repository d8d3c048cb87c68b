//! Which imports of somebody else's part can be met, and by what.

use crate::ComposeError;
use crate::part::{HANDLER, Names, SETTINGS};

/// The client of WASI 0.3.
pub(crate) const CLIENT: &str = "wasi:http/client@0.3.0";
/// The environment of WASI 0.3.
const ENVIRONMENT: &str = "wasi:cli/environment@0.3.0";
/// The environment of WASI 0.2, in the version that `grant` exports. All of 0.2 have the same functions.
const ENVIRONMENT_2: &str = "wasi:cli/environment@0.2.6";

/// What meets an import of somebody else's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met<'a> {
    /// The part behind it.
    Behind,
    /// This export of the part's grant.
    Grant(&'static str),
    /// Folders of this version: there are none.
    NoFolders(&'a str),
    /// The host: nothing is to be had or done with it that a part must not.
    Host,
}

/// Interfaces in which there is nothing to be had: what the standard libraries of languages import whether they use it or
/// not. `wasi:filesystem/types` is one of them since the way to a descriptor is `preopens`, which gives none.
const HARMLESS: [&str; 11] = [
    "wasi:io/",
    "wasi:clocks/",
    "wasi:random/",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-",
    "wasi:cli/types",
    "wasi:filesystem/types",
    "wasi:http/types@0.3",
];

/// Interfaces that a part may want and does not get, and what there is instead.
const INSTEAD: [(&str, &str); 7] = [
    (
        "wasi:sockets/",
        "no part opens sockets: build it for `wasi:http/client@0.3.0`, and add `network: [\"https://…\"]`",
    ),
    ("wasi:http/outgoing-handler", "build it for WASI 0.3: calls go through `wasi:http/client@0.3.0`"),
    ("wasi:http/types@0.2", "build it for WASI 0.3: parts of a chain speak `wasi:http/types@0.3.0`"),
    ("wasi:config/", "add `settings: { … }`, and read them through `weir:gateway/settings@0.1.0`"),
    (
        "wasi:keyvalue/",
        "no part of a chain keeps anything: put it behind an origin, and add `network: [\"https://…\"]`",
    ),
    (
        "wasi:filesystem/",
        "no part sees a file: add `settings: { … }`, and read them through `weir:gateway/settings@0.1.0`",
    ),
    ("weir:gateway/", "the only interface of Weir's for others is `weir:gateway/settings@0.1.0`"),
];

/// What meets this import, if anything does.
pub(crate) fn met(import: &str) -> Option<Met<'_>> {
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    let is_wasi = version == "0.3.0" || version.starts_with("0.2.");
    match interface {
        _ if import == HANDLER => Some(Met::Behind),
        _ if import == SETTINGS => Some(Met::Grant(SETTINGS)),
        _ if import == CLIENT => Some(Met::Grant(CLIENT)),
        _ if import == ENVIRONMENT => Some(Met::Grant(ENVIRONMENT)),
        "wasi:cli/environment" if is_wasi => Some(Met::Grant(ENVIRONMENT_2)),
        "wasi:filesystem/preopens" if version.starts_with("0.2.") => Some(Met::NoFolders(version)),
        _ if is_wasi && HARMLESS.iter().any(|harmless| import.starts_with(harmless)) => Some(Met::Host),
        _ => None,
    }
}

/// Refuses a part that imports what it cannot have.
pub(crate) fn check(part: &str, names: &Names, has_network: bool) -> Result<(), ComposeError> {
    for import in &names.imports {
        if met(import).is_none() {
            let instead = INSTEAD.iter().find(|(interface, _)| import.starts_with(interface));
            let help =
                instead.map_or("no key of the configuration grants it: build the part without", |(_, help)| help);
            return Err(ComposeError::NotGranted { part: part.to_owned(), import: import.clone(), help });
        }
    }
    if names.imports(CLIENT) && !has_network {
        return Err(ComposeError::NoNetwork { part: part.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_meets_an_import() {
        for (import, expected) in [
            (HANDLER, Some(Met::Behind)),
            (SETTINGS, Some(Met::Grant(SETTINGS))),
            (CLIENT, Some(Met::Grant(CLIENT))),
            ("wasi:cli/environment@0.2.0", Some(Met::Grant(ENVIRONMENT_2))),
            ("wasi:cli/environment@0.3.0", Some(Met::Grant(ENVIRONMENT))),
            ("wasi:filesystem/preopens@0.2.3", Some(Met::NoFolders("0.2.3"))),
            ("wasi:filesystem/types@0.2.3", Some(Met::Host)),
            ("wasi:cli/terminal-stdin@0.2.6", Some(Met::Host)),
            ("wasi:cli/stderr@0.3.0", Some(Met::Host)),
            ("wasi:http/types@0.3.0", Some(Met::Host)),
            ("wasi:http/types@0.2.6", None),
            ("wasi:http/client@0.3.1", None),
            ("wasi:cli/environment@0.3.1", None),
            ("wasi:cli/run@0.2.6", None),
            ("wasi:sockets/tcp@0.2.6", None),
            ("wasi:filesystem/preopens@0.3.0", None),
            ("weir:gateway/granted@0.1.0", None),
            ("weir:gateway/vault-inside@0.1.0", None),
            ("weir:gateway/settings@0.2.0", None),
            ("wasi:io/streams", None),
            ("log", None),
        ] {
            assert_eq!(met(import), expected, "{import}");
        }
    }
}
