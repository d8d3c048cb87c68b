//! Where calls may go.

use weir_core::config::{self, BackendKind, KeyRef, OnClientGone};
use weir_core::secret::Scheme;
use weir_core::{Millis, Origin};

use super::place::{Place, Reach};
use super::profile::{Speech, profile_of};
use super::{Compiler, own_audience};
use crate::file::{self, BackendType, File};
use crate::read::At;
use crate::report::Mistake;
use crate::secrets::Form;
use crate::settings::Network;

/// A backend, as the components and as the edge see it.
pub(super) struct Backend {
    pub(super) compiled: config::Backend,
    pub(super) network: Network,
}

/// Headers that are made of the request itself: a key in one of them would break it.
const FRAMING: [&str; 6] = ["host", "connection", "content-length", "content-type", "transfer-encoding", "te"];

impl Compiler<'_> {
    pub(super) fn backends(&mut self, file: &File) -> Vec<(String, Backend)> {
        file.backends
            .iter()
            .filter_map(|(name, backend)| {
                self.without_control(file, name, backend);
                Some((self.name(name, "backend"), self.backend(file, name, backend)?))
            })
            .collect()
    }

    fn backend(&mut self, file: &File, name: &At<String>, backend: &file::Backend) -> Option<Backend> {
        let kind = self.kind(file, backend);
        let key = self.backend_key(name, backend);
        let timeouts = self.timeouts(backend.timeouts.as_ref());
        let mut place = self.place(&backend.url, "")?;
        let profile = profile_of(backend, &place);
        self.misplaced_path(backend, &place);
        if *backend.r#type == BackendType::Openai && place.base_path.is_empty() {
            profile.base_path.clone_into(&mut place.base_path);
        }
        let Speech { quirks, prefer, betas } = self.speech(backend, profile);
        let network = self.network(backend, &place);
        self.in_the_clear(backend, &place, network);
        let Place { origin, base_path, .. } = place;
        let on_client_gone = match *backend.on_client_gone {
            Some(file::ClientGone::Drain) => OnClientGone::Drain,
            Some(file::ClientGone::Cancel) | None => OnClientGone::Cancel,
        };
        Some(Backend {
            compiled: config::Backend {
                kind: kind?,
                origin,
                base_path,
                key,
                timeouts,
                on_client_gone,
                quirks,
                prefer,
                betas,
                headers: self.header_policy(backend.headers.as_ref()),
                body: self.body_policy(backend.body.as_ref()),
            },
            network,
        })
    }

    fn kind(&mut self, file: &File, backend: &file::Backend) -> Option<BackendKind> {
        if let (Some(audience), false) = (backend.audience.as_ref(), *backend.r#type == BackendType::Weir) {
            let message = "only calls to a backend of type `weir` are signed for an audience";
            self.tell(Mistake::new("misplaced", audience.span.clone(), message).help("delete `audience`"));
        }
        match *backend.r#type {
            BackendType::Openai => Some(BackendKind::Openai),
            BackendType::Azure => Some(BackendKind::Azure { api_version: self.api_version(backend) }),
            BackendType::Anthropic => Some(BackendKind::Anthropic),
            BackendType::Weir => self.tier_two(file, backend),
        }
    }

    fn tier_two(&mut self, file: &File, backend: &file::Backend) -> Option<BackendKind> {
        if let Some(key) = backend.key.as_ref() {
            let message = "a tier two takes no key: calls to it are signed with `edge.key`";
            self.tell(Mistake::new("misplaced", key.span.clone(), message).help("delete `key`"));
        }
        let Some(audience) = backend.audience.as_ref().or(own_audience(file)) else {
            self.tell(
                Mistake::new(
                    "missing-key",
                    backend.r#type.span.clone(),
                    "`audience` is missing: for whom are calls signed?",
                )
                .label("a backend of type `weir`")
                .help("write `audience:` with the `host.name` of that tier two"),
            );
            return None;
        };
        Some(BackendKind::Weir { audience: self.name(audience, "tier two") })
    }

    /// Calls to a tier two are signed in the name in which its control plane is called.
    fn without_control(&mut self, file: &File, name: &At<String>, backend: &file::Backend) {
        if *backend.r#type != BackendType::Weir || file.control.is_some() {
            return;
        }
        let message = "calls to a tier two are signed and settled, and `control` is missing";
        let mistake = Mistake::new("missing-section", backend.r#type.span.clone(), message)
            .help("write `control: { urls: [\"http://127.0.0.1:3200\"] }`");
        let used = file.models.iter().flat_map(|model| model.targets.iter()).any(|target| *target.backend == **name);
        self.tell(if used { mistake } else { mistake.warning() });
    }

    fn backend_key(&mut self, name: &At<String>, backend: &file::Backend) -> Option<KeyRef> {
        let scheme = self.scheme(backend);
        let Some(key) = backend.key.as_ref().filter(|_| *backend.r#type != BackendType::Weir) else {
            if let Some(header) = backend.key_header.as_ref() {
                let message = "a header for a key, and no key";
                self.tell(
                    Mistake::new("misplaced", header.span.clone(), message).help("write `key: { env: NAME }` as well"),
                );
            }
            return None;
        };
        let secret = self.sent_secret(key, format!("backend-{}-key", name.value), Form::Header)?;
        Some(KeyRef { secret, scheme })
    }

    fn scheme(&mut self, backend: &file::Backend) -> Scheme {
        let Some(at) = backend.key_header.as_ref() else {
            return match *backend.r#type {
                BackendType::Anthropic => Scheme::Header("x-api-key".into()),
                BackendType::Azure => Scheme::Header("api-key".into()),
                BackendType::Openai | BackendType::Weir => Scheme::Bearer,
            };
        };
        let header = at.to_lowercase();
        if header == "authorization" {
            return Scheme::Bearer;
        }
        if http::HeaderName::from_bytes(header.as_bytes()).is_err()
            || FRAMING.contains(&header.as_str())
            || header.starts_with("x-weir-")
        {
            let message = format!("`{}` is no header for a key", at.value);
            self.tell(
                Mistake::new("header", at.span.clone(), message)
                    .help("`authorization`, `x-api-key` and `api-key` are usual"),
            );
        }
        Scheme::Header(header)
    }

    fn timeouts(&mut self, timeouts: Option<&file::Timeouts>) -> config::Timeouts {
        let standard = config::Timeouts::default();
        let Some(timeouts) = timeouts else {
            return standard;
        };
        let mut millis =
            |at: Option<&At<file::DurationText>>, default: Millis| Millis::from(self.duration(at, default.into()));
        config::Timeouts {
            connect: millis(timeouts.connect.as_ref(), standard.connect),
            first_event: millis(timeouts.first_event.as_ref(), standard.first_event),
            idle: millis(timeouts.idle.as_ref(), standard.idle),
            heartbeat: millis(timeouts.heartbeat.as_ref(), standard.heartbeat),
        }
    }

    /// Which addresses the backend may have, and whether its URL agrees.
    fn network(&mut self, backend: &file::Backend, place: &Place) -> Network {
        let by_url = match place.reach {
            Reach::Loopback | Reach::Private => Network::Private,
            Reach::Public | Reach::Name => Network::Public,
        };
        let Some(at) = backend.network.as_ref() else {
            return by_url;
        };
        let network = match at.value {
            file::Network::Public => Network::Public,
            file::Network::Private => Network::Private,
            file::Network::Any => Network::Any,
        };
        let contradiction = match (network, place.reach) {
            (Network::Public, Reach::Loopback) => Some("this machine, which is not public"),
            (Network::Public, Reach::Private) => Some("a private address, which is not public"),
            (Network::Private, Reach::Public) => Some("an address of the internet, which is not private"),
            _ => None,
        };
        if let Some(what) = contradiction {
            let right = if by_url == Network::Private { "private" } else { "public" };
            self.tell(
                Mistake::new(
                    "network",
                    at.span.clone(),
                    format!("the URL leads to {what}: every call would be refused"),
                )
                .label("does not fit the URL")
                .other(backend.url.span.clone(), "the URL")
                .help(format!("write `network: {right}`, or leave it out")),
            );
        }
        network
    }

    /// A key or a prompt in the clear is for networks that somebody vouches for.
    fn in_the_clear(&mut self, backend: &file::Backend, place: &Place, network: Network) {
        let on_the_internet = matches!(place.reach, Reach::Public | Reach::Name);
        if place.origin.is_tls() || network == Network::Private || !on_the_internet {
            return;
        }
        let what = if backend.key.is_some() { "the key and all prompts" } else { "all prompts" };
        let message = format!("{what} would go over the internet in the clear");
        self.tell(
            Mistake::new("in-the-clear", backend.url.span.clone(), message)
                .label("http")
                .help("write `https://`, or `network: private` if it is in a network of your own"),
        );
    }

    /// What the paths of a type begin with by themselves must not stand in the URL, and what they do not must.
    fn misplaced_path(&mut self, backend: &file::Backend, place: &Place) {
        let path = place.base_path.as_str();
        let (own, above) = match *backend.r#type {
            BackendType::Anthropic | BackendType::Weir if path == "/v1" => ("/v1", ""),
            BackendType::Azure => match path.find("/openai") {
                Some(at) => ("/openai", &path[..at]),
                None => return,
            },
            BackendType::Openai => return self.azure_as_openai(backend, place),
            BackendType::Anthropic if !path.is_empty() && !path.ends_with("/v1") => {
                let message = format!("messages would be sent to {path}/messages; Anthropic's path is /v1/messages");
                let help = format!("write `{}{path}/v1` if the server has it there", place.origin);
                return self.tell(Mistake::new("url", backend.url.span.clone(), message).warning().help(help));
            }
            BackendType::Anthropic | BackendType::Weir => return,
        };
        let message = format!("the paths of this type begin with `{own}` by themselves: it would stand there twice");
        let help = format!("write `{}{above}`", place.origin);
        self.tell(Mistake::new("url", backend.url.span.clone(), message).help(help));
    }

    /// Azure speaks as OpenAI does below one of its paths only.
    fn azure_as_openai(&mut self, backend: &file::Backend, place: &Place) {
        let is_azure = profile_of(backend, place).name == file::ProfileName::Azure;
        if is_azure && !matches!(place.base_path.as_str(), "" | "/openai/v1") {
            let message = "Azure has OpenAI's own paths below `/openai/v1`, and nowhere else";
            let help = format!("write `type: azure` and `{}`", place.origin);
            self.tell(Mistake::new("url", backend.url.span.clone(), message).warning().help(help));
        }
    }
}

impl Backend {
    pub(super) fn origin(&self) -> &Origin {
        &self.compiled.origin
    }
}
