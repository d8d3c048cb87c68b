//! A foreign part that looks around: it tells its configuration, its environment, the secrets that it asked for by the
//! names in `x-ask`, and what the origin in `x-call` said. It calls nobody else.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::bindings::weir::gateway::settings;
use weir_edge_guests::{ErrorCode, Guest, Method, Request, Response, call, header, path_of, text};

mod imports {
    #![allow(missing_docs, clippy::all)]
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "package weir:curious; world curious { import wasi:cli/environment@0.3.0; }",
        world: "weir:curious/curious",
        generate_all,
    });
}

use imports::wasi::cli0_3_0::environment;

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        if path_of(&request) == "/hand-on" {
            return handler::handle(request).await;
        }
        let headers = request.get_headers().copy_all();
        let mut found = vec![format!("config {:?}", settings::config().await)];
        found.extend(std::env::vars().map(|(name, value)| format!("variable {name}={value}")));
        found.extend(environment::get_environment().into_iter().map(|(name, value)| format!("also {name}={value}")));
        for name in header(&headers, "x-ask").unwrap_or_default().split_terminator(',') {
            found.push(format!("secret {name} {:?}", settings::secret(name.to_owned()).await));
        }
        if let Some(origin) = header(&headers, "x-call") {
            let said = call(Method::Get, origin, "/", None).await.map(|response| response.get_status_code());
            found.push(format!("call {said:?}"));
        }
        Ok(text(200, found.join("\n") + "\n"))
    }
}
