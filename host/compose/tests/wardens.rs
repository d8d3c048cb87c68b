//! The wardens around a part that is not Weir's own: where they stand, and that nobody else reaches their vault.
#![allow(clippy::unwrap_used)]

use weir_compose::{Access, Around, Chain, ComposeError, Grants, HANDLER, Part};

const OUTSIDE: &str = "weir:gateway/vault-outside@0.1.0";
const INSIDE: &str = "weir:gateway/vault-inside@0.1.0";
const RANDOM: &str = "wasi:random/random@0.3.0";

/// A component with an instance import for each of `imports` and an instance export for each of `exports`; each
/// interface has one function. `mark` gets into its bytes.
fn component(mark: &str, imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let ty = r#"(instance (export "do" (func (result u32))))"#;
    let imports: String = imports.iter().map(|i| format!("(import \"{i}\" {ty})\n")).collect();
    let exports: String = exports.iter().map(|e| format!("(export \"{e}\" (instance $own))\n")).collect();
    let text = format!(
        r#"(component
            {imports}
            (core module $m (func (export "f") (result i32) i32.const 7) (@custom "mark" "{mark}"))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $own (export "do" (func $f)))
            {exports})"#
    );
    wat::parse_str(text).unwrap()
}

fn ours(name: &str) -> Part {
    let imports: &[&str] = if name == "translator" { &[] } else { &[HANDLER] };
    Part::new(name, component(name, imports, &[HANDLER]))
}

fn foreign(imports: &[&str]) -> Part {
    Part::new("foreign", component("foreign", imports, &[HANDLER])).with(Access::Granted(Grants::default()))
}

fn around() -> Around {
    Around {
        warden_outer: Some(component("warden-outer", &[HANDLER, OUTSIDE], &[HANDLER])),
        warden_inner: Some(component("warden-inner", &[HANDLER, INSIDE], &[HANDLER])),
        vault: Some(component("vault", &[RANDOM], &[OUTSIDE, INSIDE])),
        ..Around::default()
    }
}

fn composed(parts: &[Part]) -> Result<Vec<u8>, ComposeError> {
    let chain = Chain { parts: parts.to_vec(), around: around(), ..Chain::default() };
    chain.compose().map(|composed| composed.bytes)
}

/// How often a component with this mark is in `bytes`.
fn count(bytes: &[u8], mark: &str) -> usize {
    let needle = [b"\x04mark", mark.as_bytes()].concat();
    bytes.windows(needle.len()).filter(|window| *window == needle).count()
}

#[test]
fn a_foreign_part_behind_auth_stands_between_wardens_and_one_before_it_does_not() {
    let behind = composed(&[ours("auth"), foreign(&[HANDLER]), ours("translator")]).unwrap();
    let before = composed(&[foreign(&[HANDLER]), ours("auth"), ours("translator")]).unwrap();
    for warden in ["warden-outer", "warden-inner", "vault"] {
        assert_eq!((count(&behind, warden), count(&before, warden)), (1, 0), "{warden}");
    }
    assert_eq!((count(&behind, "foreign"), count(&before, "foreign")), (1, 1));
}

#[test]
fn the_vault_is_open_to_nobody_outside_the_chain() {
    let chain = composed(&[ours("auth"), foreign(&[HANDLER]), ours("translator")]).unwrap();
    let names = wasmparser::Parser::new(0)
        .parse_all(&chain)
        .scan(0, |depth, payload| {
            use wasmparser::Payload::{ComponentImportSection, ComponentSection, End, ModuleSection};
            let mut names = vec![];
            match payload.unwrap() {
                ModuleSection { .. } | ComponentSection { .. } => *depth += 1,
                End(_) => *depth -= 1,
                ComponentImportSection(section) if *depth == 0 => {
                    names.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
                }
                _ => {}
            }
            Some(names)
        })
        .flatten()
        .collect::<Vec<_>>();
    assert_eq!(names, [RANDOM]);
}

#[test]
fn wardens_are_in_the_file_once_however_many_parts_they_warden() {
    let parts = [ours("auth"), foreign(&[HANDLER]), ours("router"), foreign(&[HANDLER]), ours("translator")];
    let chain = composed(&parts).unwrap();
    for warden in ["warden-outer", "warden-inner", "vault"] {
        assert_eq!(count(&chain, warden), 1, "{warden}");
    }
    assert!((0..10).all(|_| composed(&parts).unwrap() == chain), "the same parts give the same bytes");
}

#[test]
fn a_foreign_part_that_asks_for_the_vault_is_refused() {
    for wanted in [OUTSIDE, INSIDE] {
        let refused = composed(&[ours("auth"), foreign(&[HANDLER, wanted]), ours("translator")]);
        assert!(
            matches!(&refused, Err(ComposeError::NotGranted { part, import, .. }) if part == "foreign" && import == wanted),
            "{refused:?}"
        );
    }
}

#[test]
fn without_its_wardens_a_foreign_part_is_not_composed() {
    let parts = vec![ours("auth"), foreign(&[HANDLER]), ours("translator")];
    for (missing, around) in [
        ("warden-outer", Around { warden_outer: None, ..around() }),
        ("warden-inner", Around { warden_inner: None, ..around() }),
        ("vault", Around { vault: None, ..around() }),
    ] {
        let refused = Chain { parts: parts.clone(), around, ..Chain::default() }.compose();
        assert!(
            matches!(&refused, Err(ComposeError::Missing { part, component }) if part == "foreign" && *component == missing),
            "{refused:?}"
        );
    }
}
