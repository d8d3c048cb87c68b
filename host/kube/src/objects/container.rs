//! Containers: their ports, how they are probed, and what their command line says of the model.

use serde::Deserialize;
use serde::de::SeqAccess;

use super::lenient::{Element, Lenient, lenient, lenient_structs};

/// A container of a pod, or of the wish for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// Its name.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// The ports that it says it has.
    #[serde(deserialize_with = "lenient")]
    pub ports: Box<[ContainerPort]>,
    /// What its command says of the model.
    #[serde(deserialize_with = "lenient")]
    pub command: Flags,
    /// What its arguments say of the model.
    #[serde(deserialize_with = "lenient")]
    pub args: Flags,
    /// How its readiness is probed.
    #[serde(deserialize_with = "lenient")]
    pub readiness_probe: Probe,
}

/// A port of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerPort {
    /// Its name; Knative and KServe read the protocol from it (`h2c`, `http1`).
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
    /// Its number.
    #[serde(deserialize_with = "lenient")]
    pub container_port: u16,
}

/// How a container is probed, as far as it is by HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Probe {
    /// The request.
    #[serde(deserialize_with = "lenient")]
    http_get: HttpGet,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct HttpGet {
    #[serde(deserialize_with = "lenient")]
    scheme: Box<str>,
}

impl Probe {
    /// Whether it asks over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.http_get.scheme.eq_ignore_ascii_case("https")
    }
}

impl Container {
    /// The names by which the engine knows its model, as its command line gives them; none where it gives none.
    pub fn served_names(&self) -> impl Iterator<Item = &str> {
        self.args.served_names.iter().chain(&self.command.served_names).map(|name| &**name)
    }

    /// Whether it runs an engine that speaks as OpenAI does.
    #[must_use]
    pub fn is_engine(&self) -> bool {
        self.args.engine || self.command.engine
    }

    /// Whether its command line has it serve TLS.
    #[must_use]
    pub fn serves_tls(&self) -> bool {
        self.args.tls || self.command.tls || self.readiness_probe.is_https()
    }
}

/// What a command line says of the model. The rest of it is not kept: KServe's templates hold whole scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--model_name` of KServe's servers, `--served-model-name` of vLLM and SGLang (which may have several).
    pub served_names: Box<[Box<str>]>,
    /// Whether a certificate is given: `--ssl-certfile`, or `--secure-proxy=true` of llm-d's sidecar.
    pub tls: bool,
    /// Whether it starts an engine that speaks as OpenAI does: vLLM or SGLang.
    pub engine: bool,
}

/// The flags that name the model. KServe's servers take the first, and others accept `-` for `_`.
const NAMES: [&str; 3] = ["--model_name", "--model-name", "--served-model-name"];
/// No served name is longer: more is not a name.
const LONGEST_NAME: usize = 1024;
/// No engine has more names.
const MOST_NAMES: usize = 32;

/// Reads a command line word by word.
#[derive(Default)]
struct Words {
    names: Vec<Box<str>>,
    tls: bool,
    engine: bool,
    /// Whether the words that follow are names.
    naming: bool,
}

impl Words {
    /// One argument; a script is many words.
    fn argument(&mut self, argument: &str) {
        if argument.contains(char::is_whitespace) {
            argument.split_whitespace().for_each(|word| self.word(word));
            // A script's last flag does not go on in the next argument.
            self.naming = false;
        } else {
            self.word(argument);
        }
    }

    fn word(&mut self, word: &str) {
        let word = word.trim_matches(['"', '\'', '\\']);
        if !word.starts_with("--") {
            self.engine |=
                ["vllm", "sglang", "vllm.entrypoints.openai.api_server", "sglang.launch_server"].contains(&word);
            self.naming &= !word.is_empty() && !word.starts_with(['-', '$', '|', ';', '&', '>']);
            if self.naming {
                self.name(word);
            }
            return;
        }
        let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
        self.naming = false;
        self.engine |= flag == "--served-model-name";
        if NAMES.contains(&flag) {
            match value {
                Some(value) => self.name(value.trim_matches(['"', '\''])),
                None => self.naming = true,
            }
        }
        self.tls |= flag == "--ssl-certfile" || flag == "--secure-proxy" && value == Some("true");
    }

    fn flags(self) -> Flags {
        Flags { served_names: self.names.into(), tls: self.tls, engine: self.engine }
    }

    fn name(&mut self, name: &str) {
        // What a shell or a controller has yet to fill in is not the name.
        let literal = !name.contains(['$', '{', '`']);
        if literal && !name.is_empty() && name.len() <= LONGEST_NAME && self.names.len() < MOST_NAMES {
            self.names.push(name.into());
        }
    }
}

impl Flags {
    /// What these words say.
    #[must_use]
    pub fn of<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words = Words::default();
        arguments.into_iter().for_each(|argument| words.argument(argument));
        words.flags()
    }
}

impl Lenient for Flags {
    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut words = Words::default();
        while let Some(Element(argument)) = list.next_element::<Element<Box<str>>>()? {
            words.argument(&argument.unwrap_or_default());
        }
        Ok(Some(words.flags()))
    }
}

lenient_structs!(Container, ContainerPort, Probe, HttpGet);
