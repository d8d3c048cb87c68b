//! The face towards WASI: carries heads and handles, decides nothing.

use weir_face::relay::Relay;
use weir_face::request::Incoming;
use weir_face::{ErrorCode, Request, Response, TrailersResult, answer};
use weir_warden::{Headers, dialect, ending, no_deposit, restore_request, take_answer, token};
use wit_bindgen::FutureWriter;

use imports::weir::gateway::vault_inside as vault;
use imports::wit_future;

mod imports {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package weir:inner; world inner { import weir:gateway/vault-inside@0.1.0; }",
        world: "weir:inner/inner",
        generate_all,
    });
}

weir_face::export_middleware!(handle);

async fn handle(
    request: Request,
    next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
) -> Result<Response, ErrorCode> {
    let mut incoming = Incoming::take(request);
    let token = token(&incoming.headers);
    let Some((token, kept)) = token.and_then(|token| vault::take(&token).map(|kept| (token, kept))) else {
        eprintln!("misconfigured: a part of the chain called on without a token, or with one that is spent");
        let dialect = dialect(&incoming.method, &incoming.target, &incoming.headers);
        return Ok(answer::error(dialect, &no_deposit(), None));
    };
    restore_request(&mut incoming.headers, kept);
    let mut relay = Relay::of(next(incoming.pass_on()).await?);
    let (tell, told) = wit_future::new(|| Err(()));
    if !vault::answered(&token, &take_answer(&mut relay.headers), told) {
        eprintln!("the vault is full: an answer has lost its internal headers");
    }
    Ok(relay.pass_on_with(move |trailers| async move { end(tell, trailers) }))
}

/// Tells the outer warden how the answer ended, and gives the trailers that the foreign part gets.
fn end(tell: FutureWriter<Result<Headers, ()>>, trailers: TrailersResult) -> TrailersResult {
    let (told, passed) = match trailers {
        Ok(trailers) => {
            let (kept, seen) = ending(trailers);
            (Ok(kept), Ok(seen))
        }
        Err(code) => (Err(()), Err(code)),
    };
    // In a task of its own: the outer warden asks once the foreign part has ended its answer, for which that may wait
    // for these trailers.
    weir_face::spawn(async move {
        // Of a request that is over nobody wants to hear.
        let _ = tell.write(told).await;
    });
    passed
}
