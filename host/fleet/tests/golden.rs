//! How fleets look: `tests/golden/*.json` as tables of several widths, and what became of one as lines.
//! `UPDATE_GOLDEN=1` writes them anew: look at the difference before it is committed.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use unicode_width::UnicodeWidthStr as _;
use weir_fleet::table::{Look, fit, render};
use weir_fleet::{Fleet, changes};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn fleet(name: &str) -> Fleet {
    serde_json::from_slice(&fs::read(folder().join(format!("{name}.json"))).unwrap()).unwrap()
}

fn compare(name: &str, actual: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{}:\n{actual}\n--- expected ---\n{expected}", path.display());
}

#[test]
fn a_table_is_laid_out_for_its_width() {
    let all = Look::default();
    compare("busy.wide.txt", &render(&fleet("busy"), &all));
    compare("busy.100.txt", &render(&fleet("busy"), &Look { width: Some(100), ..all }));
    compare("busy.80.endpoints.txt", &render(&fleet("busy"), &Look { width: Some(80), endpoints: true, ..all }));
    compare("busy.wide.endpoints.txt", &render(&fleet("busy"), &Look { endpoints: true, ..all }));
    compare("busy.colour.txt", &render(&fleet("busy"), &Look { colour: true, ..all }));
    compare("empty.txt", &render(&fleet("empty"), &all));
}

#[test]
fn no_line_is_longer_than_the_terminal_is_wide() {
    for width in 74..160 {
        for endpoints in [false, true] {
            let text = render(&fleet("busy"), &Look { width: Some(width), endpoints, colour: false });
            for line in text.lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn colours_are_all_that_a_terminal_is_told() {
    let (fleet, look) = (fleet("busy"), Look { endpoints: true, ..Look::default() });
    let plain = render(&fleet, &look);
    assert!(!plain.contains('\x1b'), "not even what an object says of itself");
    let coloured = render(&fleet, &Look { colour: true, ..look });
    let mut stripped = coloured;
    for code in ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn a_table_that_is_too_long_says_what_is_missing() {
    let text = render(&fleet("busy"), &Look::default());
    let all = text.lines().count();
    let short = fit(&text, 5);
    assert_eq!(short.lines().count(), 5);
    assert!(short.ends_with(&format!("… {} lines more\n", all - 4)), "{short}");
    assert_eq!(fit(&text, all), text);
}

#[test]
fn what_became_of_a_fleet_is_said_in_lines() {
    compare("busy-later.changes.txt", &(changes(&fleet("busy"), &fleet("later")).join("\n") + "\n"));
    assert_eq!(changes(&fleet("busy"), &fleet("busy")), Vec::<String>::new());
}
