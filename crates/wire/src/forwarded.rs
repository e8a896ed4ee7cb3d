//! `X-Forwarded-For` and address sets: who the client is when proxies stand before us.
//!
//! Only the right end of the list can be trusted, so everything reads from the right. IPv4 addresses
//! in IPv6 clothes (`::ffff:a.b.c.d`) are the IPv4 address everywhere (GHSA-7jmw-8259-q9jx), and a
//! zone (`%eth0`) doesn't count.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroUsize;

/// Entries of `X-Forwarded-For` that are looked at, from the right. Beyond, the client is unknown.
pub const MAX_ENTRIES: usize = 1000;

/// Which address of a request counts as the client's. Traefik: `ipStrategy`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IpStrategy {
    /// The peer of the connection (after the PROXY protocol).
    #[default]
    Peer,
    /// The peer, an IPv6 address masked to this many bits (`ipv6Subnet` alone).
    PeerSubnet(Ipv6Prefix),
    /// The n-th entry from the right, counted from 1; empty and unreadable entries count too
    /// (`depth`, with `ipv6Subnet`).
    Depth(NonZeroUsize, Option<Ipv6Prefix>),
    /// The first entry from the right that isn't in the set (`excludedIPs`). `ipv6Subnet` has no
    /// effect then, as in Traefik.
    Excluded(IpSet),
}

/// A client's address as an [`IpStrategy`] finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client<'a> {
    /// An address; IPv4 if it was an IPv4-mapped IPv6 address, without zone.
    Address(IpAddr),
    /// The chosen entry, which isn't an address. In no set, so never allowed; a key of its own.
    Unreadable(&'a [u8]),
    /// There is no such entry. Never allowed.
    Unknown,
}

impl Client<'_> {
    /// The address, if it is one.
    #[must_use]
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Unreadable(_) | Self::Unknown => None,
        }
    }
}

impl IpStrategy {
    /// The client of a request from `peer`. `forwarded_for` are the values of all `X-Forwarded-For`
    /// lines in order, from which untrusted ones are already gone.
    pub fn client<'a, I>(&self, peer: IpAddr, forwarded_for: I) -> Client<'a>
    where
        I: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
    {
        match self {
            Self::Peer => Client::Address(canonical(peer)),
            Self::PeerSubnet(prefix) => Client::Address(prefix.mask(canonical(peer))),
            Self::Depth(depth, prefix) => {
                match entries_from_right(forwarded_for).nth(depth.get() - 1) {
                    None | Some(b"") => Client::Unknown,
                    Some(entry) => match (read(entry), prefix) {
                        (Client::Address(address), Some(prefix)) => {
                            Client::Address(prefix.mask(address))
                        }
                        (client, _) => client,
                    },
                }
            }
            Self::Excluded(set) => entries_from_right(forwarded_for)
                .filter(|entry| !entry.is_empty())
                .map(read)
                .find(|client| {
                    !client
                        .address()
                        .is_some_and(|address| set.contains(address))
                })
                .unwrap_or(Client::Unknown),
        }
    }
}

/// The entries of all lines, last first, trimmed, at most [`MAX_ENTRIES`].
pub fn entries_from_right<'a, I>(lines: I) -> impl Iterator<Item = &'a [u8]>
where
    I: IntoIterator<Item = &'a [u8], IntoIter: DoubleEndedIterator>,
{
    lines
        .into_iter()
        .rev()
        .flat_map(|line| line.rsplit(|&b| b == b','))
        .map(<[u8]>::trim_ascii)
        .take(MAX_ENTRIES)
}

fn read(entry: &[u8]) -> Client<'_> {
    parse_address(entry).map_or(Client::Unreadable(entry), Client::Address)
}

/// An address as proxies write it: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`, each IPv6 form
/// also with a zone, which is dropped. IPv4-mapped addresses become IPv4.
///
/// differs from traefik: there, an entry with a port is unreadable when `excludedIPs` looks at it.
#[must_use]
pub fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let bare = if let Some(rest) = text.strip_prefix('[') {
        let (inside, behind) = rest.split_once(']')?;
        if !behind.is_empty() {
            check_port(behind.strip_prefix(':')?)?;
        }
        return parse_ipv6(inside);
    } else {
        text
    };
    match bare.parse::<IpAddr>() {
        Ok(address) => Some(canonical(address)),
        Err(_) if bare.contains('%') => parse_ipv6(bare),
        Err(_) => {
            let (address, port) = bare.split_once(':')?;
            check_port(port)?;
            address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
        }
    }
}

fn parse_ipv6(text: &str) -> Option<IpAddr> {
    let bare = match text.split_once('%') {
        Some((_, "")) => return None,
        Some((bare, _)) => bare,
        None => text,
    };
    let address: Ipv6Addr = bare.parse().ok()?;
    Some(canonical(address.into()))
}

fn check_port(port: &str) -> Option<()> {
    let plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (plain && port.parse::<u16>().is_ok()).then_some(())
}

/// The IPv4 address of an IPv4-mapped one; every other address as it is.
#[inline]
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Length of an IPv6 network prefix, 1 to 128. Traefik: `ipv6Subnet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6Prefix(u8);

impl Ipv6Prefix {
    /// `None` outside 1 to 128.
    #[must_use]
    pub fn new(bits: u8) -> Option<Self> {
        (1..=128).contains(&bits).then_some(Self(bits))
    }

    /// The first address of the network that `address` is in; IPv4 addresses as they are.
    #[must_use]
    pub fn mask(self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & high_bits_v6(self.0))),
        }
    }
}

/// A set of addresses and networks: sorted ranges, looked up by binary search.
/// Traefik: `trustedIPs`, `sourceRange`, `excludedIPs`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IpSet {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

/// An entry of an address set that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} is neither an ip address nor a network such as 10.0.0.0/8")]
pub struct IpSetError {
    /// The entry as given.
    pub entry: String,
}

impl IpSet {
    /// Reads addresses and networks (`10.1.2.3`, `10.0.0.0/8`, `fd00::/8`). Host bits of a network are
    /// ignored, as Go does. IPv4-mapped entries mean IPv4.
    ///
    /// # Errors
    /// The first entry that isn't one.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, IpSetError> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for entry in entries {
            let entry = entry.as_ref();
            match range(entry).ok_or_else(|| IpSetError {
                entry: entry.to_owned(),
            })? {
                Range::V4(from, to) => v4.push((from, to)),
                Range::V6(from, to) => {
                    // A network wider than ::ffff:0:0/96 holds the IPv4-mapped addresses too, but
                    // those are IPv4 here; Go's net.IPNet doesn't match IPv4 by it either.
                    v6.push((from, to));
                }
            }
        }
        Ok(Self {
            v4: merge(v4),
            v6: merge(v6),
        })
    }

    /// True if the set holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// True if `address` is in the set.
    #[inline]
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match canonical(address) {
            IpAddr::V4(v4) => in_ranges(&self.v4, v4.to_bits()),
            IpAddr::V6(v6) => in_ranges(&self.v6, v6.to_bits()),
        }
    }
}

enum Range {
    V4(u32, u32),
    V6(u128, u128),
}

fn range(entry: &str) -> Option<Range> {
    let (address, bits) = match entry.split_once('/') {
        None => (entry, None),
        Some((address, bits)) => {
            // Go takes neither signs nor leading zeros.
            let plain =
                bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
            (address, Some(bits.parse::<u8>().ok().filter(|_| plain)?))
        }
    };
    match address.parse().ok()? {
        IpAddr::V4(v4) => v4_range(v4, bits.unwrap_or(32)),
        IpAddr::V6(v6) => {
            let bits = bits.unwrap_or(128);
            match v6.to_ipv4_mapped() {
                Some(v4) if (96..=128).contains(&bits) => v4_range(v4, bits - 96),
                _ if bits <= 128 => {
                    let mask = high_bits_v6(bits);
                    let from = v6.to_bits() & mask;
                    Some(Range::V6(from, from | !mask))
                }
                _ => None,
            }
        }
    }
}

fn v4_range(address: Ipv4Addr, bits: u8) -> Option<Range> {
    if bits > 32 {
        return None;
    }
    let mask = u32::MAX
        .checked_shl(32 - u32::from(bits))
        .unwrap_or_default();
    let from = address.to_bits() & mask;
    Some(Range::V4(from, from | !mask))
}

fn high_bits_v6(bits: u8) -> u128 {
    u128::MAX
        .checked_shl(128_u32.saturating_sub(u32::from(bits)))
        .unwrap_or_default()
}

/// Sorts ranges and joins those that overlap, so that one range at most can hold an address.
fn merge<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged.into_boxed_slice()
}

fn in_ranges<T: Ord + Copy>(ranges: &[(T, T)], value: T) -> bool {
    let after = ranges.partition_point(|&(from, _)| from <= value);
    after
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|&(_, to)| value <= to)
}

#[cfg(test)]
mod tests;
