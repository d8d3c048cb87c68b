//! The JSON schema of `weir.yaml`, for editors and for the documents.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::file::File;

/// The schema (JSON Schema, draft 7, which is what editors know best), made from the types that files are read into.
/// Printed with an indentation of two it is what `docs/weir.schema.json` holds.
#[must_use]
pub fn schema() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<File>().to_value()
}
