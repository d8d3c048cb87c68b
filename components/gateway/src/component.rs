//! The four parts, one inside the other.

use weir_face::{ErrorCode, Request, Response};

weir_face::export_service!(handle);

async fn handle(request: Request) -> Result<Response, ErrorCode> {
    weir_auth::component::handle(request, routed).await
}

async fn routed(request: Request) -> Result<Response, ErrorCode> {
    weir_router::component::handle(request, limited).await
}

async fn limited(request: Request) -> Result<Response, ErrorCode> {
    weir_limiter::component::handle(request, weir_translator::component::handle).await
}
