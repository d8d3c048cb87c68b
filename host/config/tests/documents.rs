//! The documents about the configuration are true: the schema is the one that the types make, the reference is the one
//! that the schema makes, the examples can be loaded. `UPDATE_GOLDEN=1` writes the made parts anew.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use weir_config::{Machine, load, load_bytes};

/// What stands before the made part of the guide.
const MARK: &str = "<!-- What follows is made from the schema. -->\n";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn compare_or_write(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, actual).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(expected == actual, "{} is not current: UPDATE_GOLDEN=1 makes it anew", path.display());
}

#[test]
fn the_schema_is_current() {
    let schema = serde_json::to_string_pretty(&weir_config::schema()).unwrap() + "\n";
    compare_or_write(&root("docs/weir.schema.json"), &schema);
}

#[test]
fn the_reference_is_current() {
    let path = root("docs/configuration.md");
    let guide = fs::read_to_string(&path).unwrap();
    let (by_hand, _) = guide.split_once(MARK).expect("the mark stands in the guide");
    compare_or_write(&path, &format!("{by_hand}{MARK}{}", reference(&weir_config::schema())));
}

#[test]
fn every_key_is_described() {
    let schema = weir_config::schema();
    let (mut missing, mut keys) = (Vec::new(), 0);
    for (name, section) in sections(&schema) {
        for (key, value) in section["properties"].as_object().unwrap() {
            keys += 1;
            if value["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{name}.{key}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
    assert!(keys > 80, "{keys}");
}

#[test]
fn the_examples_of_the_guide_can_be_loaded() {
    let guide = fs::read_to_string(root("docs/configuration.md")).unwrap();
    let mut examples = guide.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).peekable();
    assert!(examples.peek().is_some());
    for example in examples {
        // Keys that an example refers to are made first, as its reader would.
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str| {
            weir_config::keys::make(&folder.path().join(name), kind(name), &[name.len() as u8; 64]).unwrap();
        };
        ["ada.key", "ci.key", "edge.key"].into_iter().for_each(made);
        // The smallest component, which the guide pins.
        fs::create_dir(folder.path().join("filters")).unwrap();
        fs::write(folder.path().join("filters/opa.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
        let report = load_bytes("example", example.as_bytes(), folder.path(), &Machine).map(|loaded| loaded.warnings);
        match report {
            Ok(warnings) => assert!(warnings.is_empty(), "{example}\n{warnings}"),
            Err(report) => panic!("{example}\n{}", report.render(false)),
        }
    }
}

#[test]
fn the_example_with_providers_can_be_loaded() {
    let text = fs::read(root("examples/providers/weir.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    weir_config::keys::make(&folder.path().join("client.key"), kind("client.key"), &[7; 64]).unwrap();
    match load_bytes("providers", &text, folder.path(), &Machine) {
        Ok(loaded) => assert!(loaded.config.backends.len() == 6 && loaded.warnings.is_empty(), "{}", loaded.warnings),
        Err(report) => panic!("{}", report.render(false)),
    }
}

fn kind(name: &str) -> weir_config::keys::KeyKind {
    if name.starts_with("edge") { weir_config::keys::KeyKind::Edge } else { weir_config::keys::KeyKind::Client }
}

#[test]
fn g3_the_quickstart_starts_without_a_key_and_makes_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weir.yaml");
    fs::copy(root("examples/quickstart/weir.yaml"), &path).unwrap();
    let first = load(&path).unwrap();
    assert_eq!(first.pending.len(), 2);
    assert!(first.config.tenants[0].keys.is_empty(), "nobody gets in before the key is made");
    assert!(first.client_key().is_none());

    let mut next = 0;
    let mut random = |bytes: &mut [u8; 64]| {
        next += 1;
        bytes.fill(next);
    };
    assert_eq!(weir_config::create_missing(&first, &mut random).unwrap(), first.pending);
    let second = load(&path).unwrap();
    assert!(second.pending.is_empty() && second.warnings.is_empty(), "{}", second.warnings);
    let key = second.client_key().unwrap();
    assert_eq!(second.config.tenants[0].keys[0].sha256, weir_core::config::KeyHash::of(key.expose()));
    let signing = second.secrets.resolve(&Machine, |_| true).unwrap();
    let public = weir_config::keys::public_key(signing.get("edge-key").unwrap()).unwrap();
    assert_eq!(second.host.unwrap().edges[0].public_key, public);

    assert!(weir_config::create_missing(&first, &mut random).is_err(), "a key is never overwritten");
}

#[test]
fn the_quickstart_names_its_schema_and_so_do_the_commented_examples_hold() {
    let text = fs::read_to_string(root("examples/quickstart/weir.yaml")).unwrap();
    let line = text.lines().next().unwrap();
    let schema = line.strip_prefix("# yaml-language-server: $schema=").expect("the first line names the schema");
    assert!(root("examples/quickstart").join(schema).exists(), "{schema}");
    // A reader takes away the `# ` before an example: then it has to be right, too.
    let uncommented: String = text.lines().map(|line| uncomment(line) + "\n").collect();
    let folder = tempfile::tempdir().unwrap();
    match load_bytes("quickstart", uncommented.as_bytes(), folder.path(), &Machine) {
        Ok(loaded) => {
            assert_eq!((loaded.config.backends.len(), loaded.config.routes.len()), (3, 3), "{uncommented}");
            let edge = loaded.edge.unwrap();
            assert!(edge.tls.is_some() && edge.instances.workers == Some(2), "{uncommented}");
        }
        Err(report) => panic!("{uncommented}\n{}", report.render(false)),
    }
}

/// An example that is commented out begins with a key or a list within a section, or goes on so.
fn uncomment(line: &str) -> String {
    let inner = line.trim_start();
    let Some(example) = inner.strip_prefix("# ").filter(|_| inner.len() < line.len()) else {
        return line.to_owned();
    };
    let is_example =
        example.trim_start().starts_with("- ") || example.split(' ').next().is_some_and(|word| word.ends_with(':'));
    // The simulator's `endpoints: []` stands there already.
    let is_example = is_example || example.starts_with("  ");
    if is_example && !example.starts_with("endpoints") && !example.contains("8000") {
        line.replacen("# ", "", 1)
    } else {
        line.to_owned()
    }
}

/// The sections of the schema, by name, the file itself first.
fn sections(schema: &Value) -> Vec<(String, &Value)> {
    let definitions = schema["definitions"].as_object().unwrap();
    let mut sections = vec![("The file".to_owned(), schema)];
    sections.extend(definitions.iter().map(|(name, section)| (name.clone(), section)));
    sections.retain(|(_, section)| section["properties"].is_object());
    sections
}

/// The reference: a table for each section.
fn reference(schema: &Value) -> String {
    let mut text = String::new();
    for (name, section) in sections(schema) {
        let required: Vec<_> = section["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let description = section["description"].as_str().unwrap_or_default();
        write!(text, "\n### {name}\n\n{}\n\n| key | value | meaning |\n|---|---|---|\n", flat(description)).unwrap();
        for (key, value) in section["properties"].as_object().unwrap() {
            let needed = if required.contains(&key.as_str()) { " (needed)" } else { "" };
            let meaning = flat(value["description"].as_str().unwrap_or_default());
            writeln!(text, "| `{key}`{needed} | {} | {meaning} |", shape(value)).unwrap();
        }
    }
    text
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// The shape of a value, in a few words.
fn shape(value: &Value) -> String {
    if let Some(reference) = value["$ref"].as_str().or(value["allOf"][0]["$ref"].as_str()) {
        let name = reference.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(words) = value["oneOf"].as_array() {
        return words
            .iter()
            .filter_map(|word| word["const"].as_str())
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(forms) = value["anyOf"].as_array() {
        return forms.iter().map(shape).collect::<Vec<_>>().join(" or ");
    }
    match value["type"].as_str().unwrap_or("any") {
        "array" => format!("list of {}", shape(&value["items"])),
        "object" => format!("{} by name", shape(&value["additionalProperties"])),
        "string" => match value["enum"].as_array() {
            Some(words) => {
                words.iter().filter_map(Value::as_str).map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
            }
            None => "text".into(),
        },
        "integer" => "number".into(),
        "boolean" => "`true`, `false`".into(),
        other => other.to_owned(),
    }
}
