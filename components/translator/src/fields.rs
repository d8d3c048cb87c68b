//! Reading a request's JSON member by member, so that what nobody asked for is known by name in the end.

use serde_json::{Map, Value};
use weir_core::json::{JsonFault, Object};
use weir_core::{ErrorKind, GatewayError};

use crate::canonical::{Part, Source, Unplaced};

/// The members of an object that have not been read yet.
pub(crate) struct Fields {
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    /// The members of a request's body.
    pub(crate) fn of_body(body: &Object) -> Result<Self, JsonFault> {
        let mut members = Map::new();
        for key in body.keys() {
            members.insert(key.to_owned(), body.read(key)?.unwrap_or(Value::Null));
        }
        Ok(Self { path: String::new(), members })
    }

    /// The members of a value that must be an object.
    pub(crate) fn of(path: String, value: Value) -> Result<Self, GatewayError> {
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            other => Err(wrong(&path, "an object", &other)),
        }
    }

    /// Where the object stands, as SDK users write it.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The path of a member, as SDK users write it.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Takes a member; `None` where it is absent or null.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.members.swap_remove(key).filter(|value| !value.is_null())
    }

    /// Takes a member that is one of the values that say nothing; another stays, to be named in the end.
    pub(crate) fn ignore(&mut self, key: &str, neutral: &[Value]) {
        if self.members.get(key).is_some_and(|value| neutral.contains(value)) {
            self.members.swap_remove(key);
        }
    }

    /// Takes a member that says nothing, as `is_neutral` judges; another stays, to be named in the end.
    pub(crate) fn ignore_if(&mut self, key: &str, is_neutral: impl Fn(&Value) -> bool) {
        if self.members.get(key).is_some_and(is_neutral) {
            self.members.swap_remove(key);
        }
    }

    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, GatewayError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(&self.path_of(key), "a string", &other)),
        }
    }

    pub(crate) fn need_text(&mut self, key: &str) -> Result<String, GatewayError> {
        self.text(key)?.ok_or_else(|| missing(&self.path_of(key)))
    }

    pub(crate) fn flag(&mut self, key: &str) -> Result<Option<bool>, GatewayError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(wrong(&self.path_of(key), "a boolean", &other)),
        }
    }

    pub(crate) fn number(&mut self, key: &str) -> Result<Option<f64>, GatewayError> {
        self.take(key)
            .map(|value| value.as_f64().ok_or_else(|| wrong(&self.path_of(key), "a number", &value)))
            .transpose()
    }

    pub(crate) fn whole<T: TryFrom<i64>>(&mut self, key: &str) -> Result<Option<T>, GatewayError> {
        let read = |value: &Value| value.as_i64().and_then(|number| T::try_from(number).ok());
        self.take(key)
            .map(|value| read(&value).ok_or_else(|| wrong(&self.path_of(key), "a whole number in range", &value)))
            .transpose()
    }

    /// Takes a member that is a list; empty where it is absent.
    pub(crate) fn list(&mut self, key: &str) -> Result<Vec<Value>, GatewayError> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(wrong(&self.path_of(key), "a list", &other)),
        }
    }

    /// Takes a member that is a text, or a list of parts: each is read by `part`, which gets its path, and `None` where
    /// it was told elsewhere.
    pub(crate) fn parts(
        &mut self,
        key: &str,
        mut part: impl FnMut(String, Value) -> Result<Option<Part>, GatewayError>,
    ) -> Result<Vec<Part>, GatewayError> {
        let path = self.path_of(key);
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![Part::Text(text.into())]),
            Some(Value::Array(list)) => {
                let read = |(index, value)| part(format!("{path}[{index}]"), value);
                list.into_iter().enumerate().map(read).filter_map(Result::transpose).collect()
            }
            Some(other) => Err(wrong(&path, "a string or a list of parts", &other)),
        }
    }

    /// Takes a member that is an object of texts; empty where it is absent.
    pub(crate) fn texts(&mut self, key: &str) -> Result<Vec<(String, String)>, GatewayError> {
        let path = self.path_of(key);
        let text = |(name, value): (String, Value)| match value {
            Value::String(text) => Ok((name, text)),
            other => Err(wrong(&format!("{path}.{name}"), "a string", &other)),
        };
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Object(members)) => members.into_iter().map(text).collect(),
            Some(other) => Err(wrong(&path, "an object", &other)),
        }
    }

    /// Takes a member that is an object.
    pub(crate) fn object(&mut self, key: &str) -> Result<Option<Self>, GatewayError> {
        self.take(key).map(|value| Self::of(self.path_of(key), value)).transpose()
    }

    /// Names what was not read.
    pub(crate) fn rest(self, unplaced: &mut Vec<Unplaced>) {
        let told = self.members.iter().filter(|(_, value)| !value.is_null());
        unplaced.extend(told.map(|(key, _)| Unplaced::new(self.path_of(key))));
    }
}

/// The text of an object, for the wire.
pub(crate) fn bytes_of(body: &Map<String, Value>) -> Vec<u8> {
    // Not through `Display`, which writes a character at a time where a text has escapes, and takes twice as long.
    serde_json::to_vec(body).expect("a value serializes")
}

/// A URL; one with the scheme `data` (RFC 2397) holds the bytes themselves, and must hold them in base64.
pub(crate) fn source(url: String, path: &str) -> Result<Source, GatewayError> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Ok(Source::Url(url));
    };
    let shown = |why: &str| wrong(path, "a URL, or `data:<media type>;base64,<bytes>`", &Value::String(why.to_owned()));
    let (head, base64) = rest.split_once(',').ok_or_else(|| shown("data: without a comma"))?;
    let head = head.strip_suffix(";base64").ok_or_else(|| shown("data: without ;base64"))?;
    let media_type = head.split(';').next().unwrap_or_default().to_ascii_lowercase();
    if media_type.is_empty() {
        return Err(shown("data: without a media type"));
    }
    Ok(Source::Data { media_type, base64: base64.to_owned() })
}

pub(crate) fn missing(path: &str) -> GatewayError {
    GatewayError::new(ErrorKind::InvalidRequest, format!("`{path}` is missing")).with_param(path)
}

pub(crate) fn wrong(path: &str, expected: &str, found: &Value) -> GatewayError {
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.len() <= 40 => format!("{text:?}"),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    };
    let message = format!("`{path}` should be {expected}, not {found}");
    GatewayError::new(ErrorKind::InvalidRequest, message).with_param(path)
}
