//! face
pub mod bindings;
pub use wit_bindgen;
