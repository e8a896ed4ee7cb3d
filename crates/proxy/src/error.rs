//! What an error becomes for the client.

use pointsman_message::{Kind, ProxyError, Response};

/// The answer to a request that failed, with what filters have made of its head already.
pub(crate) fn response(mut error: ProxyError) -> Response {
    let status = error.status();
    let mut response = if error.kind == Kind::NoServer {
        Response::text(status, "no available server")
    } else {
        Response::new(status, status.canonical_reason().unwrap_or_default())
    };
    if let Some(head) = error.take_head() {
        let own = std::mem::replace(&mut response.head, head);
        for (name, value) in &own.headers {
            response
                .head
                .headers
                .entry(name)
                .or_insert_with(|| value.clone());
        }
    }
    response
}
