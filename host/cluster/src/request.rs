//! A call as one model server gets it. It is made anew for each attempt: the next server may know the model by another
//! name.

use http::Request;
use weir_core::json::Object;
use weir_serve::{Body, full};

use crate::admit::Call;
use crate::endpoint::RequestError;
use crate::pool::Lease;

/// A body of JSON was parsed on its way in, with the caller's limit of depth.
const DEPTH: usize = 128;

/// The request that goes to the endpoint of `lease`.
pub(crate) fn request(call: &Call, lease: &Lease) -> Result<Request<Body>, RequestError> {
    let body = match lease.served_as() {
        Some(name) if name != call.model.name => {
            let mut object = Object::parse(&call.body, DEPTH)?;
            object.set("model", &name);
            object.to_bytes().into()
        }
        _ => call.body.clone(),
    };
    lease.endpoint().request(&call.method, &call.view, &call.headers, full(body))
}
