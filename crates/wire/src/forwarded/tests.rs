use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn set(entries: &[&str]) -> IpSet {
    IpSet::parse(entries).unwrap()
}

fn client<'a>(strategy: &IpStrategy, lines: &[&'a str]) -> Client<'a> {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    strategy.client(ip("192.0.2.9"), lines)
}

fn depth(n: usize) -> IpStrategy {
    IpStrategy::Depth(NonZeroUsize::new(n).unwrap(), None)
}

#[test]
fn addresses_are_read_as_proxies_write_them() {
    for (text, wanted) in [
        ("1.2.3.4", Some("1.2.3.4")),
        ("1.2.3.4:80", Some("1.2.3.4")),
        ("::1", Some("::1")),
        ("[::1]", Some("::1")),
        ("[::1]:80", Some("::1")),
        ("::ffff:1.2.3.4", Some("1.2.3.4")),
        ("::FFFF:102:304", Some("1.2.3.4")),
        ("[::ffff:1.2.3.4]:80", Some("1.2.3.4")),
        ("fe80::1%eth0", Some("fe80::1")),
        ("[fe80::1%25eth0]:80", Some("fe80::1")),
        ("::ffff:1.2.3.4%eth0", Some("1.2.3.4")),
        ("", None),
        ("unknown", None),
        ("_hidden", None),
        ("1.2.3", None),
        ("01.2.3.4", None),
        ("1.2.3.4.5", None),
        ("1.2.3.4:", None),
        ("1.2.3.4:x", None),
        ("1.2.3.4:+8", None),
        ("1.2.3.4:99999", None),
        ("1.2.3.4%eth0", None),
        ("fe80::1%", None),
        ("[::1", None),
        ("[::1]x", None),
        ("[1.2.3.4]", None),
        ("1.2.3.4 5.6.7.8", None),
    ] {
        assert_eq!(parse_address(text.as_bytes()), wanted.map(ip), "{text}");
    }
    assert_eq!(parse_address(b"\xff"), None);
}

#[test]
fn the_peer_is_the_client_unless_configured_otherwise() {
    assert_eq!(
        client(&IpStrategy::Peer, &["1.1.1.1"]),
        Client::Address(ip("192.0.2.9"))
    );
    let mapped = IpStrategy::Peer.client(ip("::ffff:10.0.0.1"), []);
    assert_eq!(mapped, Client::Address(ip("10.0.0.1")));
}

#[test]
fn depth_counts_from_the_right_over_all_lines() {
    let lines = ["10.0.0.1, 10.0.0.2", "10.0.0.3,10.0.0.4"];
    for (n, wanted) in [
        (1, "10.0.0.4"),
        (2, "10.0.0.3"),
        (3, "10.0.0.2"),
        (4, "10.0.0.1"),
    ] {
        assert_eq!(
            client(&depth(n), &lines),
            Client::Address(ip(wanted)),
            "{n}"
        );
    }
    assert_eq!(client(&depth(5), &lines), Client::Unknown);
    assert_eq!(client(&depth(1), &[]), Client::Unknown);
    assert_eq!(client(&depth(1), &[""]), Client::Unknown);
}

#[test]
fn garbage_entries_keep_their_place() {
    let lines = ["10.0.0.1, junk, , 10.0.0.4"];
    assert_eq!(client(&depth(2), &lines), Client::Unknown);
    assert_eq!(client(&depth(3), &lines), Client::Unreadable(b"junk"));
    assert_eq!(client(&depth(4), &lines), Client::Address(ip("10.0.0.1")));
}

#[test]
fn excluded_addresses_are_skipped_from_the_right() {
    let strategy = IpStrategy::Excluded(set(&["10.0.0.0/8", "fd00::/8"]));
    for (lines, wanted) in [
        (
            &["1.1.1.1, 10.0.0.1, 10.0.0.2"][..],
            Client::Address(ip("1.1.1.1")),
        ),
        (&["1.1.1.1, 2.2.2.2"], Client::Address(ip("2.2.2.2"))),
        (
            &["1.1.1.1", "fd00::1, ::ffff:10.1.1.1"],
            Client::Address(ip("1.1.1.1")),
        ),
        (
            &["1.1.1.1, 10.0.0.1:4711, , "],
            Client::Address(ip("1.1.1.1")),
        ),
        (&["1.1.1.1, junk, 10.0.0.1"], Client::Unreadable(b"junk")),
        (&["10.0.0.1, 10.0.0.2"], Client::Unknown),
        (&[], Client::Unknown),
    ] {
        assert_eq!(client(&strategy, lines), wanted, "{lines:?}");
    }
}

#[test]
fn a_list_without_end_is_read_only_so_far() {
    let long = format!("1.1.1.1{}", ", 10.0.0.1".repeat(10_000));
    let strategy = IpStrategy::Excluded(set(&["10.0.0.0/8"]));
    assert_eq!(client(&strategy, &[&long]), Client::Unknown);
    assert_eq!(client(&depth(10_001), &[&long]), Client::Unknown);
    assert_eq!(
        client(&depth(MAX_ENTRIES), &[&long]),
        Client::Address(ip("10.0.0.1"))
    );
}

#[test]
fn ipv6_addresses_are_masked_and_ipv4_ones_are_not() {
    let prefix = Ipv6Prefix::new(64).unwrap();
    let strategy = IpStrategy::Depth(NonZeroUsize::MIN, Some(prefix));
    for (line, wanted) in [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
    ] {
        assert_eq!(
            client(&strategy, &[line]),
            Client::Address(ip(wanted)),
            "{line}"
        );
    }
    let peer = IpStrategy::PeerSubnet(prefix).client(ip("2001:db8::1:2:3:4"), []);
    assert_eq!(peer, Client::Address(ip("2001:db8::")));
    assert_eq!(Ipv6Prefix::new(128).unwrap().mask(ip("::1")), ip("::1"));
    assert_eq!(
        Ipv6Prefix::new(1).unwrap().mask(ip("ffff::1")),
        ip("8000::")
    );
    assert_eq!((Ipv6Prefix::new(0), Ipv6Prefix::new(129)), (None, None));
}

#[test]
fn sets_hold_addresses_and_networks() {
    let set = set(&[
        "10.0.0.0/8",
        "10.1.0.0/16",
        "192.168.1.77/24",
        "1.2.3.4",
        "fd00::/8",
        "::1",
        "::ffff:172.16.0.0/108",
        "::ffff:9.9.9.9",
    ]);
    for inside in [
        "10.0.0.0",
        "10.255.255.255",
        "10.1.2.3",
        "192.168.1.0",
        "192.168.1.255",
        "1.2.3.4",
        "fd12::1",
        "::1",
        "::ffff:10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "::ffff:172.20.0.1",
        "9.9.9.9",
    ] {
        assert!(set.contains(ip(inside)), "{inside}");
    }
    for outside in [
        "9.255.255.255",
        "11.0.0.0",
        "192.168.2.0",
        "1.2.3.3",
        "1.2.3.5",
        "fe00::",
        "::2",
        "172.32.0.0",
        "0.0.0.1",
    ] {
        assert!(!set.contains(ip(outside)), "{outside}");
    }
}

#[test]
fn whole_families_can_be_named_apart() {
    let all4 = set(&["0.0.0.0/0"]);
    assert!(all4.contains(ip("255.255.255.255")) && all4.contains(ip("::ffff:1.1.1.1")));
    assert!(!all4.contains(ip("::1")));
    let all6 = set(&["::/0"]);
    assert!(all6.contains(ip("ffff::")) && !all6.contains(ip("1.1.1.1")));
}

#[test]
fn what_is_no_address_is_named() {
    for entry in [
        "",
        "x",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "::/129",
        "10.0.0/8",
        "10.0.0.1-2",
        "::ffff:1.2.3.4/129",
        " 10.0.0.1",
    ] {
        let error = IpSet::parse(["10.0.0.1", entry]).unwrap_err();
        assert_eq!(error.entry, entry);
    }
}

#[test]
fn the_empty_set_holds_nothing() {
    let empty = IpSet::default();
    assert!(empty.is_empty() && !empty.contains(ip("0.0.0.0")) && !empty.contains(ip("::")));
}

#[test]
fn binary_search_agrees_with_a_linear_scan() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let networks: Vec<(u32, u32)> = (0..random.usize(0..20))
            .map(|_| (random.u32(..1 << 12) << 20, random.u32(8..=32)))
            .collect();
        let entries = networks
            .iter()
            .map(|&(a, n)| format!("{}/{n}", Ipv4Addr::from_bits(a)));
        let set = IpSet::parse(entries).unwrap();
        for _ in 0..50 {
            let address = random.u32(..1 << 12) << 20 | random.u32(..2);
            let wanted = networks
                .iter()
                .any(|&(a, n)| (a ^ address) >> (32 - n) == 0);
            assert_eq!(set.contains(Ipv4Addr::from_bits(address).into()), wanted);
        }
    }
}
