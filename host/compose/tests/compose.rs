//! Chains made of tiny components, written as text: what is wired, and what is refused.
#![allow(clippy::unwrap_used)]

use weir_compose::{ComposeError, HANDLER, Part, SETTINGS, compose, plug};

/// A component with an instance import for each of `imports` and an instance export for each of `exports`; each
/// interface has one function, `handle`.
fn part(name: &str, imports: &[&str], exports: &[&str]) -> Part {
    let ty = r#"(instance (export "handle" (func (result u32))))"#;
    let imports: String = imports.iter().map(|i| format!("(import \"{i}\" {ty})\n")).collect();
    let exports: String = exports.iter().map(|e| format!("(export \"{e}\" (instance $own))\n")).collect();
    let text = format!(
        r#"(component
            {imports}
            (core module $m (func (export "f") (result i32) i32.const 7))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $own (export "handle" (func $f)))
            {exports})"#
    );
    Part::new(name, wat::parse_str(text).unwrap())
}

fn middleware(name: &str) -> Part {
    part(name, &[HANDLER, SETTINGS], &[HANDLER])
}

fn service(name: &str) -> Part {
    part(name, &[SETTINGS], &[HANDLER])
}

/// What a component imports and exports, as a one-part reading of its own type.
fn interface(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports, mut depth) = (vec![], vec![], 0);
    for payload in wasmparser::Parser::new(0).parse_all(bytes) {
        use wasmparser::Payload::*;
        match payload.unwrap() {
            ModuleSection { .. } | ComponentSection { .. } => depth += 1,
            End(_) => depth -= 1,
            ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|i| i.unwrap().name.name.to_owned()));
            }
            ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().map(|e| e.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    (imports, exports)
}

#[test]
fn a_chain_exports_one_handler_and_leaves_settings_open() {
    let chain = compose(&[middleware("auth"), middleware("router"), service("translator")]).unwrap();
    assert_eq!(interface(&chain), (vec![SETTINGS.to_owned()], vec![HANDLER.to_owned()]));
}

#[test]
fn the_same_parts_give_the_same_bytes() {
    let parts = [middleware("auth"), middleware("router"), service("translator")];
    let first = compose(&parts).unwrap();
    assert!((0..20).all(|_| compose(&parts).unwrap() == first));
    let renamed = [middleware("a"), middleware("a"), service("a")];
    assert_eq!(compose(&renamed).unwrap(), first, "names are for messages only");
}

#[test]
fn a_composed_chain_is_itself_a_part() {
    let inner = compose(&[middleware("limiter"), service("translator")]).unwrap();
    let chain = compose(&[middleware("auth"), Part::new("rest", inner)]).unwrap();
    assert_eq!(interface(&chain).1, [HANDLER]);
}

#[test]
fn an_empty_chain_is_refused() {
    assert!(matches!(compose(&[]), Err(ComposeError::EmptyChain)));
}

#[test]
fn what_is_no_component_is_refused_at_every_cut() {
    let whole = service("translator").bytes;
    for cut in 0..whole.len() {
        match compose(&[Part::new("cut", &whole[..cut])]) {
            Err(ComposeError::NotAComponent { part, .. } | ComposeError::NoHandlerExport { part }) => {
                assert_eq!(part, "cut");
            }
            // Behind the last export stand only names for debugging, so a cut there leaves a component.
            Ok(_) if wasmparser::validate(&whole[..cut]).is_ok() => assert!(cut > whole.len() / 2),
            other => panic!("{cut}: {other:?}"),
        }
    }
    let module = wat::parse_str("(module)").unwrap();
    assert!(matches!(compose(&[Part::new("module", module)]), Err(ComposeError::NotAComponent { .. })));
}

#[test]
fn a_part_without_a_handler_is_refused() {
    let settings = part("settings", &[], &[SETTINGS]);
    assert!(matches!(compose(&[settings]), Err(ComposeError::NoHandlerExport { part }) if part == "settings"));
}

#[test]
fn another_version_of_the_handler_is_named() {
    for found in
        ["wasi:http/handler@0.3.2", "wasi:http/handler@0.3.0-rc-2026-03-15", "wasi:http/incoming-handler@0.2.6"]
    {
        let old = part("old", &[], &[found]);
        let Err(ComposeError::WrongHandlerVersion { part, found: named }) = compose(&[old]) else { panic!("{found}") };
        assert_eq!((part.as_str(), named.as_str()), ("old", found));
    }
    let old = part("old", &["wasi:http/handler@0.3.2"], &[HANDLER]);
    assert!(matches!(compose(&[old, service("t")]), Err(ComposeError::WrongHandlerVersion { .. })));
}

#[test]
fn a_service_before_another_part_is_refused() {
    let Err(ComposeError::NoHandlerImport { part, inner }) = compose(&[service("first"), service("second")]) else {
        panic!()
    };
    assert_eq!((part.as_str(), inner.as_str()), ("first", "second"));
}

#[test]
fn a_middleware_at_the_end_is_refused() {
    assert!(matches!(compose(&[middleware("auth")]), Err(ComposeError::UnfinishedChain { part }) if part == "auth"));
}

#[test]
fn an_import_of_the_handlers_types_alone_calls_nothing() {
    let text = format!(
        r#"(component
            (import "{HANDLER}" (instance))
            (core module $m (func (export "f") (result i32) i32.const 7))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $own (export "handle" (func $f)))
            (export "{HANDLER}" (instance $own)))"#
    );
    let service = Part::new("service", wat::parse_str(text).unwrap());
    compose(&[middleware("auth"), service.clone()]).unwrap();
    let refused = compose(&[service, middleware("auth")]);
    assert!(matches!(refused, Err(ComposeError::UnfinishedChain { .. })), "{refused:?}");
}

#[test]
fn a_provider_of_settings_closes_that_import_and_keeps_the_rest() {
    let provider = part("settings-env", &["wasi:cli/environment@0.3.0"], &[SETTINGS]);
    let plugged = plug(&middleware("auth"), &provider).unwrap();
    let (mut imports, exports) = interface(&plugged);
    imports.sort();
    assert_eq!(imports, ["wasi:cli/environment@0.3.0", HANDLER]);
    assert_eq!(exports, [HANDLER]);
    compose(&[Part::new("auth", plugged), service("translator")]).unwrap();
}

#[test]
fn a_provider_of_something_else_is_refused() {
    let provider = part("clock", &[], &["weir:gateway/clock@0.1.0"]);
    assert!(matches!(plug(&middleware("auth"), &provider), Err(ComposeError::NothingToPlug { .. })));
}

#[test]
fn an_export_of_another_type_is_refused() {
    let provider = wat::parse_str(format!(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (instance $own (export "handle" (func $f)))
            (export "{SETTINGS}" (instance $own)))"#
    ))
    .unwrap();
    let refused = plug(&middleware("auth"), &Part::new("settings", provider));
    assert!(matches!(refused, Err(ComposeError::Mismatch { .. })), "{refused:?}");
}
