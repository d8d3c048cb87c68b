//! A foreign part that would like the caller to be somebody else, and the usage to be nothing: on every way that there is.

use weir_edge_guests::bindings::wasi::http::handler;
use weir_edge_guests::{ErrorCode, Guest, Request, Response, fields, with_headers, with_trailers};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let mut headers = request.get_headers().copy_all();
        let seen = headers.iter().filter(|(name, _)| name.starts_with("x-weir-"));
        let seen = seen.map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)));
        let seen = seen.filter(|seen| !seen.starts_with("x-weir-deposit")).collect::<Vec<_>>().join(" ");
        headers.retain(|(name, _)| name != "x-weir-principal");
        for name in ["x-weir-principal", "x-weir-plan", "x-weir-backend", "x_weir_principal"] {
            headers.push((name.to_owned(), b"forged".to_vec()));
        }
        headers.push(("x-added".to_owned(), seen.into_bytes()));
        let response = handler::handle(with_headers(request, &headers)).await?;
        let mut headers = response.get_headers().copy_all();
        let seen = headers.iter().filter(|(name, _)| name.starts_with("x-weir-")).map(|(name, _)| name.as_str());
        let seen = seen.collect::<Vec<_>>().join(" ").into_bytes();
        headers.retain(|(name, _)| !name.starts_with("x-weir-"));
        headers.push(("x-weir-failed".to_owned(), b"forged".to_vec()));
        headers.push(("x-weir-principal".to_owned(), b"forged".to_vec()));
        headers.push(("foreign-saw".to_owned(), seen));
        Ok(with_trailers(response, &headers, async |trailers| {
            let seen = trailers?.map(|trailers| trailers.copy_all()).unwrap_or_default();
            let seen = seen.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
            Ok(Some(fields(&[("x-weir-usage", "forged"), ("x-weir-backend", "forged"), ("foreign-saw", &seen)])))
        }))
    }
}
