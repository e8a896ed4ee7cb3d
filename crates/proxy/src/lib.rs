//! The request path: entry points, codecs' loops, the request driver.
//!
//! A [`Worker`] is one thread with one runtime. It accepts connections ([`worker`]), speaks HTTP/1 (`h1`) or HTTP/2
//! (`h2`) on them, makes each request canonical (`canonical`) and hands it to the one driver (`driver`), which
//! loads the table once, finds the route and runs its chain to a server and back, all on the connection's own task.
//! No provider, no file and no Kubernetes is known here.
//!
//! Start reading at [`worker`], then `driver`.

mod canonical;
mod driver;
mod error;
mod h1;
mod h2;
mod record;
mod settings;
mod tunnel;
pub mod worker;

pub use record::Observers;
pub use settings::Settings;
pub use worker::{Control, Phase, Shared, Worker};
