//! The recordings, read.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use weir_core::Dialect;

/// The folder of recordings, if it is there.
pub(crate) fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recordings");
    let found = folder.is_dir().then_some(folder);
    if found.is_none() {
        println!("skipped: there are no recordings beside the workspace");
    }
    found
}

/// A recorded exchange of a conversation.
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) status: u16,
    pub(crate) request: Value,
    pub(crate) response: Value,
    /// Whether it asks for a count of tokens alone.
    pub(crate) counts: bool,
}

impl Exchange {
    /// The stream that came, where one did.
    pub(crate) fn stream(&self) -> Option<&str> {
        self.response.as_str()
    }
}

/// The files of exchanges.
const FILES: [(&str, Dialect); 6] = [
    ("openai-chat", Dialect::OpenaiChat),
    ("openai-compatible-chat", Dialect::OpenaiChat),
    ("openai-responses", Dialect::OpenaiResponses),
    ("openai-compatible-responses", Dialect::OpenaiResponses),
    ("anthropic", Dialect::AnthropicMessages),
    ("anthropic-count-tokens", Dialect::AnthropicMessages),
];

/// Where conversations are held and counted. What else was recorded reads and compacts conversations that the provider
/// stored, which pass as they are or are refused by their paths.
fn counts(uri: &str) -> Option<bool> {
    let path = uri.split('?').next().unwrap_or_default();
    let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
    match () {
        () if ends(&["/chat/completions", "/responses", "/messages"]) => Some(false),
        () if ends(&["/responses/input_tokens", "/messages/count_tokens"]) => Some(true),
        () => None,
    }
}

/// Every exchange of the three dialects.
pub(crate) fn exchanges() -> Vec<Exchange> {
    let Some(folder) = recordings() else {
        return Vec::new();
    };
    let mut exchanges = Vec::new();
    for (file, dialect) in FILES {
        let text = fs::read_to_string(folder.join(format!("{file}.jsonl"))).unwrap();
        for line in text.lines() {
            let mut line: Value = serde_json::from_str(line).unwrap();
            let Some(counts) = counts(line["uri"].as_str().unwrap()).filter(|_| line["method"] == "POST") else {
                continue;
            };
            exchanges.push(Exchange {
                name: format!("{file} {}", line["name"].as_str().unwrap()),
                dialect,
                status: u16::try_from(line["status"].as_u64().unwrap()).unwrap(),
                request: line["request"].take(),
                response: line["response"].take(),
                counts,
            });
        }
    }
    assert!(exchanges.len() > 650, "only {} exchanges", exchanges.len());
    exchanges
}

/// A recorded stream or whole answer, of whichever dialect.
pub(crate) struct Said {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    /// As it would come over the wire.
    pub(crate) bytes: Vec<u8>,
}

/// Every stream of the three dialects: those of the exchanges, and those recorded by themselves.
pub(crate) fn streams() -> Vec<Said> {
    let mut streams = Vec::new();
    for exchange in exchanges().into_iter().filter(|exchange| exchange.status == 200) {
        if let Some(stream) = exchange.stream() {
            let bytes = stream.as_bytes().to_vec();
            streams.push(Said { name: exchange.name, dialect: exchange.dialect, bytes });
        }
    }
    for file in files(".stream.jsonl") {
        let text = fs::read_to_string(&file).unwrap();
        let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let Some(dialect) = dialect(&events[0]) else { continue };
        // Some files hold the streams of several turns, one after the other.
        let turns = events.split_inclusive(|event| ENDS.iter().any(|end| event["type"] == *end));
        for (number, turn) in turns.filter(|turn| turn.len() > 1).enumerate() {
            streams.push(Said { name: format!("{} {number}", name(&file)), dialect, bytes: wire(dialect, turn) });
        }
    }
    streams
}

const ENDS: [&str; 4] = ["message_stop", "response.completed", "response.incomplete", "response.failed"];

/// Every whole answer of the three dialects.
pub(crate) fn answers() -> Vec<Said> {
    let mut answers = Vec::new();
    for exchange in exchanges().into_iter().filter(|exchange| exchange.status == 200 && !exchange.counts) {
        if exchange.response.is_object() {
            let bytes = exchange.response.to_string().into_bytes();
            answers.push(Said { name: exchange.name, dialect: exchange.dialect, bytes });
        }
    }
    for file in files(".answer.json") {
        let answer: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        if let Some(dialect) = dialect(&answer) {
            answers.push(Said { name: name(&file), dialect, bytes: answer.to_string().into_bytes() });
        }
    }
    answers
}

/// Which of the three it is by its looks, if it is one.
fn dialect(said: &Value) -> Option<Dialect> {
    let kind = said["type"].as_str().unwrap_or_default();
    if said.get("choices").is_some() {
        Some(Dialect::OpenaiChat)
    } else if kind.starts_with("response.") || said["object"] == "response" {
        Some(Dialect::OpenaiResponses)
    } else if kind == "message_start" || kind == "message" {
        Some(Dialect::AnthropicMessages)
    } else {
        None
    }
}

fn wire(dialect: Dialect, events: &[Value]) -> Vec<u8> {
    let mut stream = String::new();
    for event in events {
        if let Some(kind) = event["type"].as_str() {
            stream.push_str(&format!("event: {kind}\n"));
        }
        stream.push_str(&format!("data: {event}\n\n"));
    }
    if dialect == Dialect::OpenaiChat {
        stream.push_str("data: [DONE]\n\n");
    }
    stream.into_bytes()
}

/// The files under `streams` whose names end so, in their order.
fn files(end: &str) -> Vec<PathBuf> {
    let Some(folder) = recordings() else {
        return Vec::new();
    };
    let (mut folders, mut files) = (vec![folder.join("streams")], Vec::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(end) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn name(file: &Path) -> String {
    let from = file.to_str().unwrap().rsplit_once("/streams/").unwrap().1;
    from.split_once(".stream").or_else(|| from.split_once(".answer")).unwrap().0.to_owned()
}

/// The data of a stream, as JSON.
pub(crate) fn data(stream: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(stream);
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok()).collect()
}
