//! Why a middleware could not be built.

use pointsman_config::names::QualifiedName;
use pointsman_rule::RegexError;
use pointsman_wire::authority::AuthorityError;
use pointsman_wire::forwarded::IpSetError;

use crate::url::UrlError;

/// Why a middleware could not be built. The routers that use it are disabled with this text.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A chain has no behaviour of its own.
    #[error("middleware {:?}: chain is flattened by compile", middleware.as_str())]
    Chain {
        /// Its name.
        middleware: QualifiedName,
    },
    /// Its behaviour does not exist yet.
    #[error("middleware {:?}: {kind} is not built yet, take it out of the router", middleware.as_str())]
    NotBuilt {
        /// Its name.
        middleware: QualifiedName,
        /// Its kind, as Traefik names it.
        kind: &'static str,
    },
    /// An option cannot be used.
    #[error("middleware {:?}: {option}: {problem}", middleware.as_str())]
    Option {
        /// Its name.
        middleware: QualifiedName,
        /// The option with its kind: `basicAuth.users[2]`.
        option: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with an option. The text says the bad value (never a secret) and the cure.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error("is empty: {cure}")]
    Empty { cure: &'static str },
    #[error("{name:?} is no header name: use letters, digits and hyphens")]
    HeaderName { name: String },
    #[error("{name:?} belongs to the connection and cannot be set: name another header")]
    ConnectionHeader { name: String },
    #[error("is no header value: take out control characters")]
    HeaderValue,
    #[error("{value:?} is no host: {problem}")]
    Host {
        value: String,
        problem: AuthorityError,
    },
    #[error("{0}")]
    Regex(RegexError),
    #[error("{0}")]
    Addresses(IpSetError),
    #[error("{bits} is no length of an ipv6 prefix: use 1 to 128")]
    Ipv6Subnet { bits: i64 },
    #[error("{status} is no http status: use one such as 403 or 404")]
    Status { status: i64 },
    #[error("{text:?} is neither a status code nor a range such as 500-599")]
    StatusRange { text: String },
    #[error("{count} is too few: use 1 or more")]
    TooFew { count: i64 },
    #[error("{prefix:?} is not in normal form: take out ., .. and //")]
    Prefix { prefix: String },
    #[error("{url:?} is no url: {problem}")]
    Url { url: String, problem: UrlError },
    #[error("{url:?} is no http or https url with a host")]
    NotHttp { url: String },
    #[error("cannot read {path:?}: {problem}")]
    File {
        path: String,
        problem: std::io::Error,
    },
    #[error("line {line} is not of the form name:hash")]
    UserLine { line: usize },
    #[error("is not of the form name:hash")]
    User,
    #[error("user {user:?} cannot be put into a header: rename it or leave headerField empty")]
    UserName { user: String },
    #[error("{reason}")]
    Transport { reason: String },
    #[error("no random numbers from the system")]
    Random,
}

/// A [`Problem`] with its option; [`build`](crate::build()) adds the middleware's name.
#[derive(Debug)]
pub(crate) struct OptionError {
    pub(crate) option: String,
    pub(crate) problem: Problem,
}

impl Problem {
    pub(crate) fn of(self, option: impl Into<String>) -> OptionError {
        OptionError {
            option: option.into(),
            problem: self,
        }
    }
}
