//! Generated from the WIT files that Weir publishes in `wit/`, and from the world of this component.
#![allow(warnings, clippy::all)]

wit_bindgen::generate!({
    path: "../../wit",
    inline: "package acme:authorizer;
             world authorizer { include wasi:http/middleware@0.3.0; import weir:gateway/settings@0.1.0; }",
    generate_all,
    pub_export_macro: true,
});
