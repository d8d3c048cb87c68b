//! H5: one line a request, whatever is in it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir_serve::{AccessLog, AccessRecord, Ending};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn h5_a_record_is_one_json_line() {
    let sink = Sink::default();
    let log = AccessLog::to_writer(sink.clone()).unwrap();
    let nasty = "a\r\n{\"forged\":1}\u{1b}[31m\u{7}\u{2028}";
    let mut record = AccessRecord::new("edge", "POST", "/v1/chat?api_key=secret-canary");
    record.model = Some(nasty.into());
    record.tenant = Some(nasty.into());
    record.status = 200;
    record.duration = Duration::from_micros(1_234_567);
    record.ending = Some(Ending::ClientGone);
    log.write(record);
    log.write(AccessRecord::new("host", "GET", "/healthz"));
    drop(log);

    let bytes = sink.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains("secret-canary"));
    assert!(!text.contains('\u{1b}') && !text.contains('\r'));
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["path"], "/v1/chat");
    assert_eq!(lines[0]["model"], nasty);
    assert_eq!(lines[0]["duration_ms"], 1234.567);
    assert_eq!(lines[0]["ending"], "client-gone");
    assert!(lines[1].get("model").is_none());
    assert!(lines[0]["time"].as_str().unwrap().ends_with('Z'));
}

/// A writer that does not move.
struct Stuck(Arc<Mutex<()>>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        drop(self.0.lock().unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        drop(self.0.lock().unwrap());
        Ok(())
    }
}

#[test]
fn a_stuck_log_drops_and_counts() {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let log = AccessLog::to_writer(Stuck(gate.clone())).unwrap();
    for _ in 0..20_000 {
        log.write(AccessRecord::new("edge", "GET", "/"));
    }
    assert!(log.dropped() > 10_000, "{}", log.dropped());
    drop(closed);
}
