//! What the router says about itself: metrics, access log, own log.
//!
//! Job: count and write what the request path reports, at a cost of nanoseconds there, and print it in Traefik's
//! formats. Each of the three has a part per worker thread that is not shared, and a part on the control side that
//! reads: [`metrics::Metrics`] and [`metrics::WorkerMetrics`], [`access_log::AccessLog`] and
//! [`access_log::WorkerAccessLog`].
//!
//! Inputs: options of `pointsman_config::static_::observability`, and facts of each request as borrowed data
//! ([`metrics::Sample`], [`access_log::LogRecord`]). This crate knows neither messages nor tables, decides nothing
//! about requests and never makes a worker wait for a scrape.
//!
//! Every name that users see stands in [`names`]. Start reading at [`metrics::Metrics`].

pub mod access_log;
mod escape;
pub mod log;
pub mod metrics;
pub mod names;
