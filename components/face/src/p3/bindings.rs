//! The bindings, generated once for all parts: of the world `face` for those with a next part in, of the translator's
//! world for the innermost. Of a world's functions a component imports only those that it uses, of its interfaces
//! all that it exports, too, since they name types.
#![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]

#[cfg(feature = "middleware")]
wit_bindgen::generate!({
    path: "../../wit",
    world: "weir:gateway/face",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "weir_face::p3::bindings",
});

#[cfg(not(feature = "middleware"))]
wit_bindgen::generate!({
    path: "../../wit",
    world: "weir:gateway/translator",
    generate_all,
    pub_export_macro: true,
    default_bindings_module: "weir_face::p3::bindings",
});
