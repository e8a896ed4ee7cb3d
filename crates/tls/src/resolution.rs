//! Which options count for which host of an entry point. Traefik resolves conflicts the same way.

use std::collections::{BTreeMap, BTreeSet};

/// A router with TLS, as far as options go.
#[derive(Debug, Clone)]
pub struct RouterOptions<'a> {
    /// The router.
    pub router: &'a str,
    /// Hosts of its rule's `Host` and `HostSNI` matchers, wherever they stand in it: `a.example`, `*.example`; `*`
    /// counts as no host.
    pub hosts: &'a [&'a str],
    /// Its options by qualified name; `default` for the default ones.
    pub options: &'a str,
}

/// The options of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostOptions {
    /// All its routers use these.
    Agreed(Box<str>),
    /// Its routers use different ones: the default options count, with the client authentication of all of these.
    Conflict(BTreeSet<Box<str>>),
}

/// Why a router does not get the options that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// Other routers of these hosts use other options.
    Hosts(BTreeSet<Box<str>>),
    /// It has no host by which its options could be found in the handshake.
    NoHost,
}

/// The options of an entry point's hosts, and the routers whose options do not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    /// By host or wildcard host.
    pub hosts: BTreeMap<Box<str>, HostOptions>,
    /// By router; Traefik shows these as `<entry point>-conflicted-<router>` with status `warning`.
    pub conflicted: BTreeMap<Box<str>, Conflict>,
}

/// Decides about the TLS routers of one entry point. The order of routers does not matter.
///
/// - A host whose routers agree gets their options; where they differ, the default ones with the client
///   authentication of all of them, and each of these routers is conflicted.
/// - A router without a host whose options are not the default ones is conflicted.
///
/// A conflicted router must not answer where its own demands on clients are not met: see
/// [`Policy::meets`](crate::Policy::meets).
///
/// differs from traefik: conflicting routers are served there with the default options alone, so that a demanded
/// client certificate is no longer asked for; and a conflict on one host changes the options of the router's other
/// hosts too.
pub fn resolve(routers: &[RouterOptions<'_>]) -> Resolution {
    let mut hosts: BTreeMap<Box<str>, BTreeSet<Box<str>>> = BTreeMap::new();
    for router in routers {
        for host in named_hosts(router) {
            hosts.entry(host).or_default().insert(router.options.into());
        }
    }
    let mut conflicted = BTreeMap::new();
    for router in routers {
        let own: BTreeSet<Box<str>> = named_hosts(router).collect();
        if own.is_empty() {
            if router.options != "default" {
                conflicted.insert(router.router.into(), Conflict::NoHost);
            }
            continue;
        }
        let disputed: BTreeSet<Box<str>> = own
            .into_iter()
            .filter(|host| hosts.get(host).is_some_and(|options| options.len() > 1))
            .collect();
        if !disputed.is_empty() {
            conflicted.insert(router.router.into(), Conflict::Hosts(disputed));
        }
    }
    let hosts = hosts
        .into_iter()
        .map(|(host, mut options)| {
            let options = match (options.len(), options.pop_first()) {
                (1, Some(only)) => HostOptions::Agreed(only),
                (_, first) => {
                    options.extend(first);
                    HostOptions::Conflict(options)
                }
            };
            (host, options)
        })
        .collect();
    Resolution { hosts, conflicted }
}

fn named_hosts<'a>(router: &RouterOptions<'a>) -> impl Iterator<Item = Box<str>> + use<'a> {
    router
        .hosts
        .iter()
        .filter(|host| **host != "*")
        .map(|host| crate::store::canonical(host).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router<'a>(router: &'a str, hosts: &'a [&'a str], options: &'a str) -> RouterOptions<'a> {
        RouterOptions {
            router,
            hosts,
            options,
        }
    }

    fn set(names: &[&str]) -> BTreeSet<Box<str>> {
        names.iter().map(|name| Box::from(*name)).collect()
    }

    #[test]
    fn routers_that_agree_share_their_options_whatever_the_spelling_of_the_host() {
        let resolution = resolve(&[
            router("a", &["Shop.Example"], "strict@file"),
            router("b", &["shop.example."], "strict@file"),
            router("c", &["other.example"], "default"),
        ]);
        assert_eq!(
            resolution.hosts.into_iter().collect::<Vec<_>>(),
            [
                (
                    "other.example".into(),
                    HostOptions::Agreed("default".into())
                ),
                (
                    "shop.example".into(),
                    HostOptions::Agreed("strict@file".into())
                ),
            ]
        );
        assert!(resolution.conflicted.is_empty());
    }

    #[test]
    fn a_host_with_different_options_conflicts_and_other_hosts_of_its_routers_do_not() {
        let routers = [
            router("a", &["shop.example", "a.example"], "mtls@file"),
            router("b", &["shop.example"], "default"),
            router("c", &["c.example"], "mtls@file"),
        ];
        let resolution = resolve(&routers);
        assert_eq!(
            resolution.hosts["shop.example"],
            HostOptions::Conflict(set(&["default", "mtls@file"]))
        );
        assert_eq!(
            resolution.hosts["a.example"],
            HostOptions::Agreed("mtls@file".into())
        );
        let hosts = || Conflict::Hosts(set(&["shop.example"]));
        assert_eq!(
            resolution.conflicted,
            [("a".into(), hosts()), ("b".into(), hosts())].into()
        );
        let mut reversed = routers;
        reversed.reverse();
        assert_eq!(resolve(&reversed), resolution);
    }

    #[test]
    fn a_router_without_host_conflicts_only_with_options_of_its_own() {
        let resolution = resolve(&[
            router("path", &[], "strict@file"),
            router("star", &["*"], "strict@file"),
            router("plain", &[], "default"),
        ]);
        assert!(resolution.hosts.is_empty());
        assert_eq!(
            resolution.conflicted,
            [
                ("path".into(), Conflict::NoHost),
                ("star".into(), Conflict::NoHost)
            ]
            .into()
        );
    }

    #[test]
    fn an_exact_host_below_a_wildcard_keeps_options_of_its_own() {
        let resolution = resolve(&[
            router("wild", &["*.example"], "mtls@file"),
            router("open", &["open.example"], "default"),
        ]);
        assert!(resolution.conflicted.is_empty());
        assert_eq!(resolution.hosts.len(), 2);
    }
}
