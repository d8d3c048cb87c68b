//! Paths as a manifest has them: relative to its own folder, so that both can be moved together.

use std::path::{Component, Path, PathBuf};

/// `file` as it is reached from `folder`; both absolute. With `/` between its parts on every system.
pub(super) fn relative(folder: &Path, file: &Path) -> String {
    let (folder, file) = (plain(folder), plain(file));
    let (mut from, mut to) = (folder.components().peekable(), file.components().peekable());
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let up = from.map(|_| "..".to_owned());
    up.chain(to.map(|part| part.as_os_str().to_string_lossy().into_owned())).collect::<Vec<_>>().join("/")
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_manifest() {
        let cases = [
            ("/a/b", "/a/b/c/d.wasm", "c/d.wasm"),
            ("/a/b", "/a/b/x/../../c/./d.wasm", "../c/d.wasm"),
            ("/a/b/..", "/a/target/d.wasm", "target/d.wasm"),
            ("/a/b", "/d.wasm", "../../d.wasm"),
        ];
        for (folder, file, expected) in cases {
            assert_eq!(relative(Path::new(folder), Path::new(file)), expected);
        }
    }
}
