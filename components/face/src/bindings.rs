//! Bindings of the world `face`, generated once for all parts: a component imports of it only what it uses.
#![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "weir:gateway/face",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "weir_face::bindings",
});
