//! Loading again when the file changes.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{RecursiveMode, Watcher as _};

use crate::load::{Loaded, digest_of, load};
use crate::report::ConfigReport;

/// How long the folder must have been quiet: editors and deployments write in several steps.
const QUIET: Duration = Duration::from_millis(100);
/// How long is waited for quiet at most.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the file is looked at where nothing tells of changes, as on network file systems.
const POLL: Duration = Duration::from_secs(2);

/// Watches a file until it is dropped.
pub struct Watch {
    stop: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

enum Signal {
    Changed,
    Stop,
}

/// Watches the file at `path`, of which the content with the digest `running` ([`Loaded::digest`]) is in use.
///
/// Whenever the content has changed, it is loaded and handed to `on_change`, on a thread of its own. On an `Err` the
/// configuration in use is to be kept, and the report shown.
///
/// The folder is watched rather than the file, so that a file that is renamed over it, and the swapped links of a
/// Kubernetes ConfigMap, are seen, too. Whether the *content* has changed decides: a file that was only touched, or
/// written back, is no change. Nor is a change of a file that a secret is in.
///
/// # Errors
/// The thread could not be started. That the system does not tell of changes is no error: then the file is looked at
/// every 2 s.
pub fn watch(
    path: &Path,
    running: &str,
    mut on_change: impl FnMut(Result<Loaded, ConfigReport>) + Send + 'static,
) -> std::io::Result<Watch> {
    let (stop, signals) = channel();
    let changed = stop.clone();
    let mut seen = Seen { path: path.to_owned(), digest: Some(running.to_owned()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let thread = std::thread::Builder::new().name("config-watch".into()).spawn(move || {
        let watcher = notify::recommended_watcher(move |_| {
            // The receiver is gone when the watch has ended.
            let _ = changed.send(Signal::Changed);
        });
        let _watcher = watcher.and_then(|mut watcher| {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        // What changed between loading and watching is found at once.
        seen.look().into_iter().for_each(&mut on_change);
        while wait(&signals) {
            seen.look().into_iter().for_each(&mut on_change);
        }
    })?;
    Ok(Watch { stop, thread: Some(thread) })
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.stop.send(Signal::Stop);
        // A callback may drop its own watch, and a thread cannot wait for itself.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// Waits until it is time to look at the file; `false` when the watch has ended.
fn wait(signals: &Receiver<Signal>) -> bool {
    match signals.recv_timeout(POLL) {
        Err(RecvTimeoutError::Timeout) => return true,
        Err(RecvTimeoutError::Disconnected) | Ok(Signal::Stop) => return false,
        Ok(Signal::Changed) => {}
    }
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match signals.recv_timeout(QUIET) {
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) | Ok(Signal::Stop) => return false,
            Ok(Signal::Changed) => {}
        }
    }
    true
}

struct Seen {
    path: PathBuf,
    /// `None` while the file cannot be read.
    digest: Option<String>,
}

impl Seen {
    /// Loads the file, if its content is another than it was.
    fn look(&mut self) -> Option<Result<Loaded, ConfigReport>> {
        // In the middle of a change the file may be gone for a moment: it is missed only if it stays away.
        let digest = digest_of(&self.path).or_else(|| {
            std::thread::sleep(QUIET);
            digest_of(&self.path)
        });
        if digest == self.digest {
            return None;
        }
        let loaded = load(&self.path);
        // What was loaded may be newer still than what was compared.
        self.digest = loaded.as_ref().map_or(digest, |loaded| Some(loaded.digest.clone()));
        Some(loaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const GOOD: &str = "host: { name: h, edges: [{ name: e, public_key: { hex: d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a } }], models: [{ name: m }] }\n";

    type Changes = Receiver<Result<Loaded, ConfigReport>>;

    fn watched(path: &Path) -> (Watch, Changes) {
        let (sender, changes) = channel();
        // A test that has seen enough takes no more.
        let watch = watch(path, &load(path).unwrap().digest, move |loaded| drop(sender.send(loaded))).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        (watch, changes)
    }

    fn next(changes: &Changes) -> Result<Loaded, ConfigReport> {
        changes.recv_timeout(Duration::from_secs(10)).expect("the change is told of")
    }

    #[test]
    fn g1_a_file_that_is_written_or_renamed_over_is_loaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weir.yaml");
        fs::write(&path, GOOD).unwrap();
        let (_watch, changes) = watched(&path);

        fs::write(&path, GOOD.replace("name: h", "name: second")).unwrap();
        assert_eq!(next(&changes).unwrap().host.unwrap().name, "second");

        let beside = folder.path().join("new.yaml");
        fs::write(&beside, GOOD.replace("name: h", "name: third")).unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_eq!(next(&changes).unwrap().host.unwrap().name, "third");
    }

    #[test]
    fn g1_a_bad_file_is_reported_and_a_good_one_after_it_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weir.yaml");
        fs::write(&path, GOOD).unwrap();
        let (_watch, changes) = watched(&path);

        fs::write(&path, "hots: {}\n").unwrap();
        let Err(report) = next(&changes) else { panic!("a bad file was loaded") };
        assert!(report.to_string().contains("did you mean `host`?"), "{report}");
        fs::remove_file(&path).unwrap();
        let Err(report) = next(&changes) else { panic!("no file was loaded") };
        assert!(report.to_string().contains("no such file"), "{report}");
        fs::write(&path, GOOD).unwrap();
        assert_eq!(next(&changes).unwrap().host.unwrap().name, "h");
    }

    #[cfg(unix)]
    #[test]
    fn g1_the_swapped_links_of_a_config_map_are_followed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (version, name) in [("..1", "h"), ("..2", "second")] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("weir.yaml"), GOOD.replace("name: h", &format!("name: {name}"))).unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/weir.yaml", at("weir.yaml")).unwrap();
        let (_watch, changes) = watched(&at("weir.yaml"));

        symlink("..2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert_eq!(next(&changes).unwrap().host.unwrap().name, "second");
    }

    #[test]
    fn a_file_that_is_only_touched_is_not_loaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weir.yaml");
        fs::write(&path, GOOD).unwrap();
        let (_watch, changes) = watched(&path);
        fs::write(&path, GOOD).unwrap();
        assert!(changes.recv_timeout(Duration::from_millis(500)).is_err());
    }

    #[test]
    fn a_change_between_loading_and_watching_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weir.yaml");
        fs::write(&path, GOOD).unwrap();
        let running = load(&path).unwrap().digest;
        fs::write(&path, GOOD.replace("name: h", "name: second")).unwrap();
        let (sender, changes) = channel();
        let _watch = watch(&path, &running, move |loaded| drop(sender.send(loaded))).unwrap();
        assert_eq!(next(&changes).unwrap().host.unwrap().name, "second");
    }

    #[test]
    fn where_nothing_tells_of_changes_the_file_is_looked_at_all_the_same() {
        let (_silent, signals) = channel();
        let begun = Instant::now();
        assert!(wait(&signals));
        assert!(begun.elapsed() >= POLL);
    }
}
