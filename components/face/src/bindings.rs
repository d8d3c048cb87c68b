//! Bindings of the world `face`, generated once for all parts.
#![allow(missing_docs, clippy::all, unreachable_pub)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "weir:gateway/face",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "weir_face::bindings",
});
