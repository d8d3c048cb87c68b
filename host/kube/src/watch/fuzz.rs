//! What the fuzz target `watch_events` asserts; a stable test replays its corpus through the same function.

use std::sync::Arc;

use super::changes::Bell;
use super::frames::Lines;
use super::store::{Store, Version};
use super::stream::Event;
use crate::objects::{Pod, Resource};

const LONGEST: usize = 2048;

/// Reads a watch's stream in one piece and in pieces cut as its first bytes say, and keeps the pods of which it tells.
///
/// # Panics
/// When the two readings differ, when what is kept is no pod with a name, or when an older version takes a newer one's
/// place.
pub fn fuzz(bytes: &[u8]) {
    let (cuts, stream) = bytes.split_at(bytes.len().min(4));
    let whole = read(stream, std::iter::repeat(stream.len().max(1)));
    let lengths: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut % 61) + 1).chain([1]).collect();
    assert_eq!(whole, read(stream, lengths.into_iter().cycle()));
}

/// What became of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reading {
    pods: Vec<(String, String)>,
    bookmarks: Vec<Box<str>>,
    /// Why it was given up.
    fault: Option<String>,
}

fn read(mut stream: &[u8], lengths: impl Iterator<Item = usize>) -> Reading {
    let store = Store::new(Bell::new());
    let mut lines = Lines::new(LONGEST);
    let mut reading = Reading::default();
    'stream: for length in lengths {
        if stream.is_empty() {
            break;
        }
        let (piece, rest) = stream.split_at(length.min(stream.len()));
        stream = rest;
        lines.feed(piece);
        loop {
            match lines.next() {
                Ok(Some(line)) => reading.fault = hear(&line, &store, &mut reading.bookmarks).err(),
                Ok(None) => break,
                Err(too_long) => reading.fault = Some(too_long.to_string()),
            }
            if reading.fault.is_some() {
                break 'stream;
            }
        }
    }
    let told = |pod: &Arc<Pod>| (pod.metadata().object_ref().to_string(), pod.metadata().resource_version.to_string());
    reading.pods = store.objects().iter().map(told).collect();
    reading
}

fn hear(line: &[u8], store: &Store<Pod>, bookmarks: &mut Vec<Box<str>>) -> Result<(), String> {
    let before = store.objects();
    match Event::read(line).map_err(|failure| failure.to_string())? {
        // One that cannot be read stops no other.
        Event::Put(object) => drop(store.put(object, Version::default())),
        Event::Delete(object) => drop(store.delete(object)),
        Event::Bookmark(version) => bookmarks.push(version),
        Event::Error(failure) => return Err(failure.to_string()),
        Event::Other(_) => {}
    }
    for pod in store.objects() {
        let now = pod.metadata();
        assert!(!now.name.is_empty(), "a pod without a name is kept");
        let then = before.iter().map(|before| before.metadata()).find(|then| then.object_ref() == now.object_ref());
        let numbers = then.map(|then| (then.resource_version.parse::<u64>(), now.resource_version.parse::<u64>()));
        if let Some((Ok(then), Ok(now))) = numbers {
            assert!(then <= now, "{now} in the place of {then}");
        }
    }
    Ok(())
}
