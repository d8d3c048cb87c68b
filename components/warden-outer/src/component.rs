//! The face towards WASI: carries heads and handles, decides nothing.

use http::HeaderValue;
use weir_face::relay::Relay;
use weir_face::request::Incoming;
use weir_face::{ErrorCode, Request, Response, TrailersResult, answer};
use weir_warden::{Headers, TOKEN, deposit, dialect, no_room, restore_answer, restore_trailers};
use wit_bindgen::FutureReader;

use imports::weir::gateway::vault_outside as vault;

mod imports {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package weir:outer; world outer { import weir:gateway/vault-outside@0.1.0; }",
        world: "weir:outer/outer",
        generate_all,
    });
}

weir_face::export_middleware!(handle);

async fn handle(
    request: Request,
    next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
) -> Result<Response, ErrorCode> {
    let mut incoming = Incoming::take(request);
    let dialect = dialect(&incoming.method, &incoming.target, &incoming.headers);
    let Some(kept) = Kept::put(&deposit(&mut incoming.headers)) else {
        eprintln!("the vault is full: too many requests are under way");
        return Ok(answer::error(dialect, &no_room(), None));
    };
    incoming.headers.insert(TOKEN, kept.value());
    let mut relay = Relay::of(next(incoming.pass_on()).await?);
    let (headers, ending) = vault::answer(&kept.token).unzip();
    restore_answer(&mut relay.headers, headers.unwrap_or_default());
    Ok(relay.pass_on_with(move |trailers| kept.ended(ending, trailers)))
}

/// Where the end of an answer is told, past the foreign part.
type Ending = FutureReader<Result<Headers, ()>>;

/// What is kept of a request for as long as it is under way.
struct Kept {
    token: String,
}

impl Kept {
    fn put(headers: &Headers) -> Option<Self> {
        vault::put(headers).map(|token| Self { token })
    }

    fn value(&self) -> HeaderValue {
        HeaderValue::try_from(&self.token).unwrap_or(HeaderValue::from_static(""))
    }

    /// What goes on in the place of the trailers that the foreign part gave.
    ///
    /// An answer that broke off behind the foreign part has broken off for everybody, whatever the foreign part says.
    async fn ended(self, ending: Option<Ending>, trailers: TrailersResult) -> TrailersResult {
        // A foreign part may begin its answer before it calls on.
        let ending = ending.or_else(|| vault::answer(&self.token).map(|(_, ending)| ending));
        let kept = match ending {
            Some(ending) => ending.await.map_err(|()| ErrorCode::ConnectionTerminated)?,
            None => Headers::new(),
        };
        Ok(restore_trailers(trailers?, kept))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        vault::forget(&self.token);
    }
}
