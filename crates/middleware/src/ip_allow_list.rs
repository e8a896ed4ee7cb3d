//! `ipAllowList` (and its old name `ipWhiteList`): lets only some client addresses pass.

use std::num::NonZeroUsize;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use pointsman_config::dynamic::middleware as config;
use pointsman_message::{Exchange, Flow, HeadFilter, Response};
use pointsman_wire::forwarded::{IpSet, IpStrategy, Ipv6Prefix};

use crate::error::{OptionError, Problem};
use crate::redirect::status_body;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

pub(crate) struct IpAllowList {
    allowed: IpSet,
    strategy: IpStrategy,
    reject_status: StatusCode,
}

impl IpAllowList {
    pub(crate) fn build(data: &config::IpAllowList) -> Result<Self, OptionError> {
        Self::with_kind(
            "ipAllowList",
            &data.source_range,
            data.ip_strategy.as_ref(),
            data.reject_status_code,
        )
    }

    pub(crate) fn build_deprecated(data: &config::IpWhiteList) -> Result<Self, OptionError> {
        Self::with_kind(
            "ipWhiteList",
            &data.source_range,
            data.ip_strategy.as_ref(),
            0,
        )
    }

    fn with_kind(
        kind: &str,
        source_range: &[String],
        ip_strategy: Option<&config::IpStrategy>,
        reject_status_code: i64,
    ) -> Result<Self, OptionError> {
        if source_range.is_empty() {
            return Err(Problem::Empty {
                cure: "list the addresses or networks that may pass",
            }
            .of(format!("{kind}.sourceRange")));
        }
        Ok(Self {
            allowed: IpSet::parse(source_range)
                .map_err(|error| Problem::Addresses(error).of(format!("{kind}.sourceRange")))?,
            strategy: strategy(kind, ip_strategy)?,
            reject_status: reject_status(kind, reject_status_code)?,
        })
    }
}

impl HeadFilter for IpAllowList {
    fn on_request(&self, exchange: &mut Exchange) -> Flow {
        let lines = exchange.request.headers.get_all(FORWARDED_FOR);
        let client = self.strategy.client(
            exchange.connection.peer.ip(),
            lines.iter().map(HeaderValue::as_bytes),
        );
        match client.address() {
            Some(address) if self.allowed.contains(address) => Flow::Continue,
            _ => {
                tracing::debug!(?client, "client address is not allowed");
                Flow::Respond(Box::new(Response::new(
                    self.reject_status,
                    status_body(self.reject_status),
                )))
            }
        }
    }
}

fn strategy(kind: &str, data: Option<&config::IpStrategy>) -> Result<IpStrategy, OptionError> {
    let Some(data) = data else {
        return Ok(IpStrategy::Peer);
    };
    let depth = usize::try_from(data.depth).ok().and_then(NonZeroUsize::new);
    if depth.is_none() && !data.excluded_ips.is_empty() {
        return IpSet::parse(&data.excluded_ips)
            .map(IpStrategy::Excluded)
            .map_err(|error| {
                Problem::Addresses(error).of(format!("{kind}.ipStrategy.excludedIPs"))
            });
    }
    let subnet = match data.ipv6_subnet {
        None => None,
        Some(bits) => Some(
            u8::try_from(bits)
                .ok()
                .and_then(Ipv6Prefix::new)
                .ok_or_else(|| {
                    Problem::Ipv6Subnet { bits }.of(format!("{kind}.ipStrategy.ipv6Subnet"))
                })?,
        ),
    };
    Ok(match (depth, subnet) {
        (Some(depth), subnet) => IpStrategy::Depth(depth, subnet),
        (None, Some(subnet)) => IpStrategy::PeerSubnet(subnet),
        (None, None) => IpStrategy::Peer,
    })
}

fn reject_status(kind: &str, code: i64) -> Result<StatusCode, OptionError> {
    if code == 0 {
        return Ok(StatusCode::FORBIDDEN);
    }
    u16::try_from(code)
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok())
        // An interim status is no answer.
        .filter(|status| !status.is_informational() && !status_body(*status).is_empty())
        .ok_or_else(|| Problem::Status { status: code }.of(format!("{kind}.rejectStatusCode")))
}

#[cfg(test)]
mod tests {
    use pointsman_config::dynamic::Middleware;

    use crate::testing::{build_error, build_filter, connection, exchange, request, text, values};

    use super::*;

    fn data(ranges: &[&str], strategy: Option<config::IpStrategy>, status: i64) -> Middleware {
        Middleware::IpAllowList(config::IpAllowList {
            source_range: ranges.iter().map(|&range| range.to_owned()).collect(),
            ip_strategy: strategy,
            reject_status_code: status,
        })
    }

    fn strategy(depth: i64, excluded: &[&str], subnet: Option<i64>) -> Option<config::IpStrategy> {
        Some(config::IpStrategy {
            depth,
            excluded_ips: excluded.iter().map(|&ip| ip.to_owned()).collect(),
            ipv6_subnet: subnet,
        })
    }

    fn passes(middleware: Middleware, peer: &str, forwarded_for: &[&str]) -> bool {
        let headers: Vec<_> = forwarded_for
            .iter()
            .map(|&line| ("x-forwarded-for", line))
            .collect();
        let mut exchange = exchange("GET", "http://a/", &headers);
        exchange.connection = connection(peer, false);
        request(&*build_filter(middleware), &mut exchange).is_none()
    }

    #[test]
    fn the_peer_counts_unless_a_strategy_says_otherwise() {
        for (range, peer, pass) in [
            ("10.1.2.3", "10.1.2.3:1", true),
            ("10.1.2.3", "10.1.2.4:1", false),
            ("10.0.0.0/8", "10.9.9.9:1", true),
            ("10.0.0.0/8", "11.0.0.1:1", false),
            ("2001:db8::/32", "[2001:db8::1]:1", true),
            ("2001:db8::/32", "[2001:db9::1]:1", false),
        ] {
            assert_eq!(
                passes(data(&[range], None, 0), peer, &["10.1.2.3"]),
                pass,
                "{range} {peer}"
            );
        }
    }

    // GHSA-7jmw-8259-q9jx
    #[test]
    fn an_ipv4_mapped_address_is_the_ipv4_address() {
        let peer = "[::ffff:10.1.2.3]:1";
        assert!(passes(data(&["10.1.2.3"], None, 0), peer, &[]));
        assert!(!passes(data(&["10.1.2.4"], None, 0), peer, &[]));
        let depth = || strategy(1, &[], None);
        for (entry, pass) in [("::ffff:10.1.2.3", true), ("fe80::1%eth0", false)] {
            assert_eq!(
                passes(data(&["10.0.0.0/8"], depth(), 0), "1.1.1.1:1", &[entry]),
                pass,
                "{entry}"
            );
        }
    }

    #[test]
    fn strategies_read_forwarded_for_from_the_right() {
        for (strategy, lines, pass) in [
            (strategy(1, &[], None), &["9.9.9.9, 10.0.0.1"][..], true),
            (strategy(2, &[], None), &["9.9.9.9, 10.0.0.1"], false),
            (strategy(2, &[], None), &["10.0.0.1", "9.9.9.9"], true),
            (strategy(3, &[], None), &["10.0.0.1, 9.9.9.9"], false),
            (strategy(1, &[], None), &[], false),
            (strategy(1, &[], None), &["10.0.0.1, junk"], false),
            (
                strategy(0, &["9.9.9.9"], None),
                &["10.0.0.1, 9.9.9.9"],
                true,
            ),
            (
                strategy(0, &["9.9.9.9"], None),
                &["10.0.0.1, 8.8.8.8"],
                false,
            ),
            (strategy(0, &["10.0.0.1"], None), &["10.0.0.1"], false),
            (strategy(0, &[], None), &["10.0.0.1"], false),
        ] {
            assert_eq!(
                passes(
                    data(&["10.0.0.0/24"], strategy.clone(), 0),
                    "1.1.1.1:1",
                    lines
                ),
                pass,
                "{strategy:?} {lines:?}"
            );
        }
    }

    #[test]
    fn a_list_of_ten_thousand_entries_is_read_up_to_a_bound() {
        let many = format!("10.0.0.1{}", ", 9.9.9.9".repeat(9_999));
        for (strategy, pass) in [
            (strategy(1, &[], None), false),
            (strategy(10_000, &[], None), false),
            (strategy(0, &["9.9.9.9"], None), false),
        ] {
            let list = data(&["10.0.0.1"], strategy.clone(), 0);
            assert_eq!(passes(list, "10.0.0.1:1", &[&many]), pass, "{strategy:?}");
        }
        let last = format!("{}10.0.0.1", "9.9.9.9, ".repeat(9_999));
        let list = data(&["10.0.0.1"], strategy(1, &[], None), 0);
        assert!(passes(list, "1.1.1.1:1", &[&last]));
    }

    #[test]
    fn depth_comes_before_excluded_addresses() {
        let both = strategy(1, &["10.0.0.1"], None);
        assert!(passes(
            data(&["10.0.0.1"], both, 0),
            "1.1.1.1:1",
            &["10.0.0.1"]
        ));
    }

    #[test]
    fn ipv6_subnet_masks_the_address() {
        let list = || data(&["2001:db8::"], strategy(0, &[], Some(64)), 0);
        assert!(passes(list(), "[2001:db8::dead:beef]:1", &[]));
        assert!(!passes(list(), "[2001:db8:0:1::1]:1", &[]));
    }

    #[test]
    fn others_get_the_status_in_words() {
        for (status, expected, body) in [
            (0, 403, "Forbidden"),
            (404, 404, "Not Found"),
            (418, 418, "I'm a teapot"),
        ] {
            let mut exchange = exchange("GET", "http://a/", &[]);
            let filter = build_filter(data(&["10.0.0.1"], None, status));
            let response = request(&*filter, &mut exchange).unwrap();
            assert_eq!(response.head.status, expected);
            assert_eq!(text(&response.body), body);
            assert_eq!(values(&response.head.headers, "content-type"), "-");
        }
    }

    #[test]
    fn the_old_name_does_the_same() {
        let filter = build_filter(Middleware::IpWhiteList(config::IpWhiteList {
            source_range: vec!["10.0.0.1".to_owned()],
            ip_strategy: None,
        }));
        let mut exchange = exchange("GET", "http://a/", &[]);
        assert_eq!(
            request(&*filter, &mut exchange).unwrap().head.status,
            StatusCode::FORBIDDEN
        );
        exchange.connection = connection("10.0.0.1:5", false);
        assert!(request(&*filter, &mut exchange).is_none());
    }

    #[test]
    fn a_list_that_cannot_work_is_not_built() {
        for (middleware, text) in [
            (
                data(&[], None, 0),
                "ipAllowList.sourceRange: is empty: list the addresses or networks that may pass",
            ),
            (
                data(&["10.0.0.0/33"], None, 0),
                "ipAllowList.sourceRange: \"10.0.0.0/33\" is",
            ),
            (
                data(&["10.0.0.1"], strategy(0, &["x"], None), 0),
                "ipAllowList.ipStrategy.excludedIPs: \"x\" is",
            ),
            (
                data(&["10.0.0.1"], strategy(1, &[], Some(129)), 0),
                "ipAllowList.ipStrategy.ipv6Subnet: 129 is no length",
            ),
            (
                data(&["10.0.0.1"], strategy(0, &[], Some(0)), 0),
                "ipAllowList.ipStrategy.ipv6Subnet: 0 is no length",
            ),
            (
                data(&["10.0.0.1"], None, 999),
                "ipAllowList.rejectStatusCode: 999 is no http status",
            ),
        ] {
            let error = build_error(middleware);
            assert!(error.contains(text), "{error}");
        }
    }
}
