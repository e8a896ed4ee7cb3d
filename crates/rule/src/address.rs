//! `ClientIP` values.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// An address or network; IPv4-mapped IPv6 is the same as IPv4, and the bits of a network beyond
/// its prefix are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    Address(IpAddr),
    Network(IpNet),
}

impl Range {
    /// None if `text` is neither an address nor a CIDR.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical()));
        }
        let network = text.parse::<IpNet>().ok()?.trunc();
        if let IpNet::V6(v6) = network
            && let Some(v4) = v6.addr().to_ipv4_mapped()
            && let Some(length) = v6.prefix_len().checked_sub(96)
        {
            return Some(Self::Network(Ipv4Net::new(v4, length).ok()?.into()));
        }
        Some(Self::Network(network))
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::Address(own) => *own == address,
            Self::Network(own) => own.contains(&address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_equal_their_ipv4() {
        for (range, address, inside) in [
            ("10.0.0.1", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1/8", "10.9.9.9", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "10.0.0.1", false),
            ("2001:db8::/32", "2001:db8::1", true),
        ] {
            let range = Range::parse(range).unwrap();
            assert_eq!(
                range.contains(address.parse().unwrap()),
                inside,
                "{range:?} {address}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "010.0.0.1",
            "fe80::1%eth0",
            "host",
            "1.2.3.4:80",
        ] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }
}
