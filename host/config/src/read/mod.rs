//! From text to the types in [`file`](crate::file), with the place of everything that a check may want to point at.
//!
//! YAML is first read into a tree that knows where each node stands. The types are then read from the tree with a
//! serde deserializer of our own, which does what a plain one cannot: it goes on after a mistake, so that one run
//! tells of all the unknown keys and wrong types in a file, not of the first.

mod at;
mod de;
mod fault;
mod mask;
mod tree;

use std::sync::Arc;

pub(crate) use at::{At, Many, Maybe, Named};
pub(crate) use fault::nearest;

use crate::file::File;
use crate::report::Mistake;

/// How large a configuration file may be, in bytes.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What was read: the file where it could be understood, the source with its secrets made unreadable, the mistakes.
pub(crate) struct Read {
    pub(crate) file: Option<File>,
    pub(crate) shown: Arc<str>,
    pub(crate) mistakes: Vec<Mistake>,
}

/// Reads a file's bytes.
pub(crate) fn read(bytes: &[u8]) -> Read {
    let text = match checked(bytes) {
        Ok(text) => text,
        Err(mistake) => return Read { file: None, shown: Arc::from(""), mistakes: vec![mistake] },
    };
    match tree::parse(text) {
        Ok(root) => {
            let (file, mistakes) = de::read(&root);
            Read { file, shown: mask::tree(text, &root).into(), mistakes }
        }
        Err(mistake) => Read { file: None, shown: mask::text(text).into(), mistakes: vec![mistake] },
    }
}

fn checked(bytes: &[u8]) -> Result<&str, Mistake> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; a configuration may have {MAX_BYTES} at most", bytes.len());
        return Err(Mistake::new("too-large", 0..0, message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        Mistake::new("not-utf8", 0..0, format!("the file is not UTF-8: line {line} holds other bytes"))
            .help("save it as UTF-8")
    })?;
    Ok(text)
}
