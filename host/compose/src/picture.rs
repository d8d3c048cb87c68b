//! A chain as a picture made of text.

use std::fmt;

use crate::describe::{Description, PartDescription};

/// The digits of a digest that are shown: enough to tell two apart.
const DIGITS: usize = 12;

/// Shows the chain from the client inwards, a line for each part and one for what it is granted.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.parts.iter().map(|part| part.name.len()).max().unwrap_or_default();
        writeln!(f, "client")?;
        for part in &self.parts {
            let whose = if part.ours { "Weir's own" } else { "foreign   " };
            let (size, digest) = (part.bytes.div_ceil(1024), &part.sha256[..DIGITS.min(part.sha256.len())]);
            writeln!(f, "  ▼")?;
            writeln!(f, "{:width$}   {whose}   {size:>5} KiB   sha256 {digest}…", part.name)?;
            for grant in granted(part) {
                writeln!(f, "{:width$}     {grant}", "")?;
            }
        }
        writeln!(f, "  ▼")?;
        writeln!(f, "backends")
    }
}

/// What a part is granted, a line for each kind. Of a part of Weir's own only what is worth a line.
fn granted(part: &PartDescription) -> Vec<String> {
    let Some(grants) = &part.grants else {
        return vec!["settings, secrets and network of the host".into()];
    };
    let mut lines = Vec::new();
    let secrets: Vec<_> = grants.secrets.iter().map(|(name, variable)| format!("{name} (${variable})")).collect();
    match &grants.configuration {
        Some(digest) => lines.push(format!("configuration  sha256 {}…", &digest[..DIGITS.min(digest.len())])),
        None => lines.push("configuration  none".into()),
    }
    if !part.ours || !secrets.is_empty() {
        lines.push(format!("secrets        {}", or_none(&secrets)));
    }
    if let Some(network) = &grants.network {
        lines.push(format!("network        {}", or_none(network)));
    }
    if !part.ours {
        lines.push(format!("environment    {}", or_none(&grants.environment)));
    }
    if part.bracketed {
        lines.push("wardens         what Weir's parts tell each other passes by it".into());
    }
    lines
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
