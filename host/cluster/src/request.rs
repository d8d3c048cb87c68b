//! A call as one model server gets it. It is made anew for each attempt: the next server may know the model by another
//! name.

use http::Request;
use weir_core::json::Object;
use weir_serve::{Body, full};

use crate::admit::Call;
use crate::endpoint::RequestError;
use crate::pool::Lease;
use crate::protocol::place;

/// A body of JSON was parsed on its way in, with the caller's limit of depth.
const DEPTH: usize = 128;

/// The request that goes to the endpoint of `lease`: on its own path, and with its own name for the model.
pub(crate) fn request(call: &Call, lease: &Lease) -> Result<Request<Body>, RequestError> {
    let name = lease.served_as().unwrap_or(&call.model.name);
    let body = match &call.named {
        Some(named) if named != name => {
            let mut object = Object::parse(&call.body, DEPTH)?;
            object.set("model", &name);
            object.to_bytes().into()
        }
        _ => call.body.clone(),
    };
    let target = place::target(&call.view, call.model.protocols, lease.endpoint().options(), name);
    lease.endpoint().request(&call.method, &target, &call.headers, full(body))
}
