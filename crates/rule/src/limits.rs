//! Limits and priorities that are part of the rule language.

/// Longest rule text, in bytes. Far above what a person writes; a rule of this size would be
/// scanned by every request it cannot be indexed for.
pub const MAX_RULE_BYTES: usize = 256 * 1024;

/// Deepest nesting of parentheses and negations. Bounds the recursion of everything that walks a
/// rule.
pub const MAX_DEPTH: usize = 100;

/// Most matchers in one rule.
pub const MAX_MATCHERS: usize = 8 * 1024;

/// Priorities of routers that no user writes, and the bound of those a user may write. Higher
/// first. Without a priority a router gets the byte length of its rule.
pub mod priority {
    /// The highest priority that a user may set. Traefik: `MaxInt64 - 1000`.
    pub const MAX_USER: i64 = i64::MAX - 1000;
    /// `acme-http@internal`, the ACME HTTP challenge.
    pub const ACME_HTTP: i64 = i64::MAX;
    /// `ping@internal`.
    pub const PING: i64 = i64::MAX;
    /// `rest@internal`.
    pub const REST: i64 = i64::MAX;
    /// `prometheus@internal`.
    pub const PROMETHEUS: i64 = i64::MAX;
    /// `api@internal`.
    pub const API: i64 = i64::MAX - 1;
    /// `debug@internal`.
    pub const DEBUG: i64 = i64::MAX - 1;
    /// `dashboard@internal`.
    pub const DASHBOARD: i64 = i64::MAX - 2;
    /// The redirection of an entry point, unless `http.redirections.entryPoint.priority` says
    /// otherwise.
    pub const ENTRY_POINT_REDIRECT: i64 = i64::MAX - 1;
    /// A TCP router whose whole rule is ``HostSNI(`*`)``: after every other.
    pub const TCP_CATCH_ALL: i64 = -1;
}

/// The highest priority that a user may set on a router; above it the router is disabled.
pub const MAX_USER_PRIORITY: i64 = priority::MAX_USER;
