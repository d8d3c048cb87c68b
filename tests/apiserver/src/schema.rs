use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::server::Invalid;

/// The schemas of custom resource definitions, each read when it is first needed: they are megabytes.
pub struct Schemas {
    files: HashMap<String, File>,
}

struct File {
    path: PathBuf,
    validators: OnceLock<Result<HashMap<String, Arc<Validator>>, String>>,
}

/// There are no definitions.
#[derive(Debug, thiserror::Error)]
#[error("there are no custom resource definitions under {}", .folder.display())]
pub struct SchemasMissing {
    /// Where they were looked for.
    pub folder: PathBuf,
}

/// So many faults of one object are told.
const MOST_FAULTS: usize = 8;

impl Schemas {
    /// The definitions in a folder, `GROUP_PLURAL.yaml` each, as `controller-gen` names them; folders in it are looked
    /// into, but none that ends with `-minimal`.
    ///
    /// # Errors
    /// [`SchemasMissing`].
    pub fn of(folder: &Path) -> Result<Self, SchemasMissing> {
        let mut files = HashMap::new();
        gather(folder, &mut files);
        if files.is_empty() { Err(SchemasMissing { folder: folder.to_owned() }) } else { Ok(Self { files }) }
    }

    /// Checks an object, where there is a definition of its kind.
    ///
    /// # Errors
    /// [`Invalid::Schema`], with each place and what is wrong there.
    pub fn check(&self, kind: &Kind, object: &Value) -> Result<(), Invalid> {
        let Some(file) = self.files.get(&format!("{}_{}", kind.group, kind.plural)) else { return Ok(()) };
        let version = object["apiVersion"].as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
        let faults = match file.validators() {
            Err(unusable) => vec![unusable.clone()],
            Ok(validators) => match validators.get(version) {
                None => vec![format!("the definition has no version `{version}`")],
                Some(validator) => validator
                    .iter_errors(object)
                    .take(MOST_FAULTS)
                    .map(|fault| format!("{}: {fault}", fault.instance_path()))
                    .collect(),
            },
        };
        if faults.is_empty() {
            return Ok(());
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Err(Invalid::Schema { kind: kind.kind.to_owned(), name, faults })
    }
}

impl File {
    fn validators(&self) -> &Result<HashMap<String, Arc<Validator>>, String> {
        self.validators.get_or_init(|| self.read().map_err(|error| format!("{}: {error}", self.path.display())))
    }

    fn read(&self) -> Result<HashMap<String, Arc<Validator>>, Box<dyn std::error::Error>> {
        let definition: Value = serde_saphyr::from_str(&std::fs::read_to_string(&self.path)?)?;
        let versions = definition["spec"]["versions"].as_array().ok_or("no versions")?;
        let mut validators = HashMap::new();
        for version in versions {
            let name = version["name"].as_str().ok_or("a version without a name")?;
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            close(&mut schema, true);
            validators.insert(name.to_owned(), Arc::new(jsonschema::validator_for(&schema)?));
        }
        Ok(validators)
    }
}

/// Makes a JSON schema of an OpenAPI schema as Kubernetes uses it: what a definition does not name is refused, as with
/// `fieldValidation=Strict`.
fn close(schema: &mut Value, root: bool) {
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties {
            // The API server knows what is in there, whatever the definition says.
            if !(root && name == "metadata") {
                close(property, false);
            }
        }
    }
    for inner in ["items", "additionalProperties", "not"] {
        fields.get_mut(inner).into_iter().for_each(close_inner);
    }
    let open = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    if fields.contains_key("properties") && !fields.contains_key("additionalProperties") && !open {
        fields.insert("additionalProperties".into(), Value::Bool(false));
    }
    if fields.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        fields.shift_remove("anyOf");
        fields.insert("type".into(), json!(["integer", "string"]));
    }
    if fields.get("nullable") == Some(&Value::Bool(true))
        && let Some(r#type) = fields.get("type").and_then(Value::as_str)
    {
        let either = json!([r#type, "null"]);
        fields.insert("type".into(), either);
    }
    // Formats such as int32 and double are not those of JSON schema.
    fields.shift_remove("format");
}

fn close_inner(schema: &mut Value) {
    close(schema, false);
}

fn gather(folder: &Path, files: &mut HashMap<String, File>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !name.ends_with("-minimal") {
            gather(&path, files);
        } else if let Some(name) = name.strip_suffix(".yaml") {
            files.insert(name.to_owned(), File { path, validators: OnceLock::new() });
        }
    }
}
