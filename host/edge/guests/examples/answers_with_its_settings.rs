//! Answers `/secret/<name>` with that secret, and everything else with its configuration, read once an instance.

use std::cell::OnceCell;

use weir_edge_guests::bindings::weir::gateway::settings;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, path_of, sleep_ms, text};

struct Program;
weir_edge_guests::bindings::export!(Program);

thread_local! {
    static CONFIG: OnceCell<String> = const { OnceCell::new() };
}

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = path_of(&request);
        if let Some(name) = path.strip_prefix("/secret/") {
            return Ok(match settings::secret(name.to_owned()).await {
                Ok(Some(secret)) => text(200, secret),
                Ok(None) => text(404, "no such secret".to_owned()),
                Err(error) => text(500, format!("{error:?}")),
            });
        }
        if CONFIG.with(|known| known.get().is_none()) {
            let read = settings::config().await.unwrap();
            CONFIG.with(|known| drop(known.set(read)));
        }
        // Long enough for a reload to come in between.
        sleep_ms(2).await;
        Ok(text(200, CONFIG.with(|known| known.get().cloned().unwrap())))
    }
}
