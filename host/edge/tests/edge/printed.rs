//! What guests print is heard by the operator, and cannot flood or forge the log.

use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::support::{edge, get, read};

/// The messages of one target, as a log that is told of warnings only would have them.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "weir_guest" && *metadata.level() <= tracing::Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl Visit for Heard {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        assert_eq!(field.name(), "message");
        self.0.lock().unwrap().push(format!("{value:?}"));
    }
}

impl Heard {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

// One thread each, so that what is heard is this test's own.

#[tokio::test]
async fn what_a_guest_prints_is_heard() {
    let heard = Heard::default();
    let _listening = tracing::subscriber::set_default(heard.clone());
    let edge = edge(&["misbehaves_on_request"]);
    assert_eq!(edge.handle(get("/print")).await.status(), 200);
    assert_eq!(heard.lines(), ["the cause is \\u{1b}[2Jnamed"]);
}

#[tokio::test]
async fn the_last_words_before_a_trap_are_heard() {
    let heard = Heard::default();
    let _listening = tracing::subscriber::set_default(heard.clone());
    let edge = edge(&["misbehaves_on_request"]);
    assert_eq!(edge.handle(get("/trap")).await.status(), 500);
    let lines = heard.lines();
    assert!(lines.iter().any(|line| line == "as asked"), "{lines:?}");
}

#[tokio::test]
async fn a_guest_that_prints_without_end_does_not_flood_the_log() {
    let heard = Heard::default();
    let _listening = tracing::subscriber::set_default(heard.clone());
    let edge = edge(&["misbehaves_on_request"]);
    assert_eq!(edge.handle(get("/print-much")).await.status(), 200);
    let (logged, dropped) = (heard.lines().len() as u64, read(&edge.stats().guest_lines_dropped));
    assert_eq!(logged + dropped, 1000);
    // A slow machine may take some seconds for them.
    assert!((20..=200).contains(&logged), "{logged}");
}
