//! Upstream.
