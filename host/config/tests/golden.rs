//! Configurations and what becomes of them: `tests/golden/*.yaml`, each with the report it gets (`.txt`) or, where it is
//! good, what it compiles to (`.json`) and its warnings (`.txt`). `UPDATE_GOLDEN=1` writes them anew: look at the
//! difference before it is committed.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest as _, Sha256};
use weir_config::{ConfigReport, Loaded, World, keys, load_bytes};
use weir_core::{Config, UnixMillis};

/// A machine with a few keys, a component in a file and in an OCI layout, on 2026-06-01.
struct Fixture;

const BASE: &str = "/etc/weir";
const CLIENT_KEY: &str = "weir-0123456789ABCDEFGHIJKLMNOPQRSTUV";
const PROVIDER_KEY: &str = "sk-live-7f3a9c1e5b";

/// The smallest component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// An OCI image layout: one good artifact, and three that are none.
fn layout(path: &str) -> io::Result<Vec<u8>> {
    let name = |bytes: &[u8]| format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
    let layer = |kind: &str, digest: &str| {
        json!({ "schemaVersion": 2, "layers": [{ "mediaType": kind, "digest": digest, "size": 8 }] }).to_string()
    };
    let damaged = name(b"what it was");
    let blobs = [
        layer("application/wasm", &name(COMPONENT)),
        layer("application/wasm", &damaged),
        layer("application/vnd.oci.image.layer.v1.tar+gzip", &name(COMPONENT)),
        json!({ "manifests": [{ "digest": name(b"a") }, { "digest": name(b"b") }] }).to_string(),
    ];
    let tags = ["1.2", "ghcr.io/acme/damaged:1", "ghcr.io/acme/image:1", "ghcr.io/acme/many:1"];
    let listed: Vec<_> = tags
        .iter()
        .zip(&blobs)
        .map(|(tag, blob)| {
            let kind = if tag.contains("many") { "index" } else { "manifest" };
            json!({
                "mediaType": format!("application/vnd.oci.image.{kind}.v1+json"),
                "digest": name(blob.as_bytes()),
                "annotations": { "org.opencontainers.image.ref.name": tag },
            })
        })
        .collect();
    if path == "oci/index.json" {
        return Ok(json!({ "schemaVersion": 2, "manifests": listed }).to_string().into_bytes());
    }
    let digest = path.replace("oci/blobs/sha256/", "sha256:");
    if digest == damaged || digest == name(COMPONENT) {
        return Ok(COMPONENT.to_vec());
    }
    let blob = blobs.iter().find(|blob| name(blob.as_bytes()) == digest);
    blob.map(|blob| blob.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl World for Fixture {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let (private, public) = keys::new_edge_key(&[7; 32]);
        let name = path.strip_prefix(BASE).ok().and_then(Path::to_str);
        Ok(match name.ok_or(io::ErrorKind::NotFound)? {
            "client.key" | "same.key" => format!("{CLIENT_KEY}\n").into_bytes(),
            "other.key" | "open.key" => b"weir-another-key-that-is-long-enough\n".to_vec(),
            "provider.key" => PROVIDER_KEY.into(),
            "edge.key" => private.expose().clone().into_bytes(),
            "edge.pub" => public.into_bytes(),
            "short.key" => b"tiny-key".to_vec(),
            "default.key" => b"ChangeMe\n".to_vec(),
            "two-lines.key" => b"weir-first-line-of-a-key\nweir-second-line\n".to_vec(),
            "empty.key" => b" \n".to_vec(),
            "binary.key" => vec![0xff; 40],
            "huge.key" => vec![b'a'; 100_000],
            "authorities.pem" => b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".to_vec(),
            "filters/opa.wasm" | "filters/my part.wasm" => COMPONENT.to_vec(),
            path if path.starts_with("oci/") => return layout(path),
            "locked.key" => return Err(io::ErrorKind::PermissionDenied.into()),
            _ => return Err(io::ErrorKind::NotFound.into()),
        })
    }

    fn is_open_to_others(&self, path: &Path) -> bool {
        path.ends_with("open.key")
    }

    fn env(&self, name: &str) -> Option<String> {
        match name {
            "CLIENT_KEY" => Some(CLIENT_KEY.into()),
            "OTHER_KEY" => Some("weir-another-key-that-is-long-enough".into()),
            "PROVIDER_KEY" => Some(PROVIDER_KEY.into()),
            "EMPTY_KEY" => Some(String::new()),
            _ => None,
        }
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(1_780_272_000_000)
    }
}

fn cases() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    cases.sort();
    cases
}

fn load(name: &str, path: &Path) -> Result<Loaded, ConfigReport> {
    load_bytes(&format!("{name}.yaml"), &fs::read(path).unwrap(), BASE.as_ref(), &Fixture)
}

/// The report that a bad case gets: from loading, or where it loads, from asking for its secrets.
fn refusal(name: &str, path: &Path) -> Option<ConfigReport> {
    match load(name, path) {
        Err(report) => Some(report),
        Ok(loaded) if name.starts_with("resolve-") => loaded.secrets.resolve(&Fixture, |_| true).err(),
        Ok(_) => None,
    }
}

/// Compares with the file, or writes it.
fn golden(path: &Path, actual: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        if actual.is_empty() {
            let _ = fs::remove_file(path);
        } else {
            fs::write(path, actual).unwrap();
        }
        return Ok(());
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == actual {
        Ok(())
    } else {
        Err(format!("{}:\n{actual}\n--- expected ---\n{expected}", path.display()))
    }
}

#[test]
fn g1_each_invalid_file_gets_its_report() {
    let (mut faults, mut count) = (Vec::new(), 0);
    for (name, path) in cases().into_iter().filter(|(name, _)| !name.starts_with("good-")) {
        count += 1;
        match refusal(&name, &path) {
            Some(report) => faults.extend(golden(&path.with_extension("txt"), &report.render(false)).err()),
            None => faults.push(format!("{name} was accepted")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(count >= 60, "only {count} invalid files");
}

#[test]
fn each_good_file_compiles_to_its_configuration() {
    let mut faults = Vec::new();
    for (name, path) in cases().into_iter().filter(|(name, _)| name.starts_with("good-")) {
        match load(&name, &path) {
            Ok(loaded) => {
                let json = serde_json::to_string_pretty(&loaded.config).unwrap() + "\n";
                assert_eq!(Config::from_json(&json).unwrap(), loaded.config, "{name}");
                faults.extend(golden(&path.with_extension("json"), &json).err());
                faults.extend(golden(&path.with_extension("txt"), &loaded.warnings.render(false)).err());
                let warns = name.starts_with("good-warning-") || name == "good-keys-to-be-made";
                assert_eq!(!loaded.warnings.is_empty(), warns, "{name}: {}", loaded.warnings);
                assert!(loaded.secrets.resolve(&Fixture, |_| loaded.pending.is_empty()).is_ok(), "{name}");
            }
            Err(report) => faults.push(format!("{name} was refused:\n{}", report.render(false))),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

#[test]
fn g1_each_mistake_has_a_place_in_its_file() {
    for (name, path) in cases() {
        let length = fs::metadata(&path).unwrap().len() as usize;
        for mistake in refusal(&name, &path).iter().flat_map(ConfigReport::mistakes) {
            assert!(mistake.span.end <= length, "{name}: {mistake:?}");
            let nowhere = matches!(mistake.code, "empty" | "not-utf8" | "too-large" | "missing-section");
            assert!(nowhere || !mistake.span.is_empty() || mistake.code.starts_with("yaml"), "{name}: {mistake:?}");
        }
    }
}

#[test]
fn every_class_of_mistake_is_shown_by_a_golden_file() {
    let shown: BTreeSet<&str> = cases()
        .iter()
        .filter_map(|(name, path)| match load(name, path) {
            Ok(loaded) if loaded.warnings.is_empty() => refusal(name, path),
            Ok(loaded) => Some(loaded.warnings),
            Err(report) => Some(report),
        })
        .flat_map(|report| report.mistakes().iter().map(|mistake| mistake.code).collect::<Vec<_>>())
        .collect();
    let mut known = BTreeSet::new();
    sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path(), &mut |text| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("new( ", "new(");
        known.extend(text.split("Mistake::new(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
    });
    assert!(known.len() > 30, "the sources were read: {known:?}");
    let elsewhere = ["too-large", "unreadable"];
    let missing: Vec<_> =
        known.iter().filter(|code| !shown.contains(code.as_str()) && !elsewhere.contains(&code.as_str())).collect();
    assert!(missing.is_empty(), "no golden file shows {missing:?}");
}

fn sources(folder: &Path, each: &mut impl FnMut(&str)) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            sources(&path, each);
        } else {
            each(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn g3_h1_no_report_repeats_a_secret() {
    let canaries =
        ["sk-live", "sk-ant", "NotARealOne", "weir-0123456789", "weir-another", "changeme", "sk-1234", "weir-first"];
    for (name, path) in cases() {
        for report in [refusal(&name, &path), load(&name, &path).ok().map(|loaded| loaded.warnings)].iter().flatten() {
            for text in [report.render(false), report.to_string(), format!("{report:?}")] {
                let text = text.replace(&name, "");
                let leak = canaries.iter().find(|canary| text.contains(**canary));
                assert!(leak.is_none(), "{name} repeats {leak:?}:\n{text}");
            }
        }
    }
}

#[test]
fn h1_a_compiled_configuration_holds_no_secret() {
    for (name, path) in cases() {
        let Ok(loaded) = load(&name, &path) else { continue };
        let text = format!("{}{:?}{:?}", serde_json::to_string(&loaded.config).unwrap(), loaded.edge, loaded.host);
        assert!(!text.contains(CLIENT_KEY) && !text.contains(PROVIDER_KEY), "{name}");
    }
}

#[test]
fn j1_a_file_that_is_too_large_is_refused_unread() {
    let huge = vec![b'#'; 4 * 1024 * 1024 + 1];
    let report = load_bytes("weir.yaml", &huge, BASE.as_ref(), &Fixture).err().unwrap();
    assert_eq!(report.mistakes()[0].code, "too-large");
}

#[test]
fn a_file_that_is_not_there_is_reported() {
    let report = weir_config::load(Path::new("/nowhere/weir.yaml")).err().unwrap();
    assert_eq!(report.mistakes()[0].code, "unreadable");
    assert!(report.render(false).contains("there is no such file"));
}

#[test]
fn the_fuzz_law_holds_for_every_file_and_for_its_beginnings() {
    for (_, path) in cases() {
        let bytes = fs::read(path).unwrap();
        weir_config::fuzz::config_load(&bytes);
        for cut in (0..bytes.len()).step_by(bytes.len() / 6 + 1) {
            weir_config::fuzz::config_load(&bytes[..cut]);
        }
    }
}

/// What fuzzing has found, or might, is replayed without a fuzzer.
#[test]
fn the_fuzz_law_holds_for_the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/config_load");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 12, "{files:?}");
    for file in files {
        weir_config::fuzz::config_load(&fs::read(file).unwrap());
    }
}
