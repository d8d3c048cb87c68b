//! The token of a file, as it is now.

use std::io;
use std::path::PathBuf;

use http::HeaderValue;
use parking_lot::Mutex;

/// A file that holds a token. It is read for each request: those are few, and so a token that has rotated counts at once.
pub(crate) struct Bearer {
    path: PathBuf,
    /// What it said last: it counts on where the file cannot be read, since tokens are put into place by removing them.
    last: Mutex<HeaderValue>,
}

impl Bearer {
    /// # Errors
    /// When the file cannot be read, or holds nothing that could be a token.
    pub(crate) fn read(path: PathBuf) -> io::Result<Self> {
        let last = Mutex::new(header(&std::fs::read_to_string(&path)?)?);
        Ok(Self { path, last })
    }

    /// `authorization`, as the file has it now.
    pub(crate) fn header(&self) -> HeaderValue {
        let mut last = self.last.lock();
        if let Ok(now) = std::fs::read_to_string(&self.path).and_then(|text| header(&text)) {
            *last = now;
        }
        last.clone()
    }
}

/// What people write into a file mostly ends its line.
fn header(text: &str) -> io::Result<HeaderValue> {
    let no_token = || io::Error::new(io::ErrorKind::InvalidData, "it holds no token");
    let token = text.trim();
    if token.is_empty() {
        return Err(no_token());
    }
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| no_token())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_as_it_stands_there_and_on_where_nothing_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert_eq!(Bearer::read(path.clone()).err().map(|error| error.kind()), Some(io::ErrorKind::NotFound));
        std::fs::write(&path, " \n").unwrap();
        assert_eq!(Bearer::read(path.clone()).err().map(|error| error.kind()), Some(io::ErrorKind::InvalidData));

        std::fs::write(&path, "one\n").unwrap();
        let bearer = Bearer::read(path.clone()).unwrap();
        assert_eq!(bearer.header(), "Bearer one");
        assert!(bearer.header().is_sensitive());
        std::fs::write(&path, "two").unwrap();
        assert_eq!(bearer.header(), "Bearer two");
        for nothing in ["", "a\nb", "\u{0}"] {
            std::fs::write(&path, nothing).unwrap();
            assert_eq!(bearer.header(), "Bearer two", "{nothing:?}");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(bearer.header(), "Bearer two");
    }
}
