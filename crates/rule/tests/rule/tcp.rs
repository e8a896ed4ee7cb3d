//! TCP rules.

use pointsman_rule::{Connection, Syntax, TcpRule};

fn connection(server_name: &str) -> Connection {
    Connection {
        server_name: server_name.to_owned(),
        protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
        peer_ip: "10.0.0.1".parse().unwrap(),
    }
}

#[test]
fn matchers_do_what_the_table_says() {
    for (rule, server_name, matched) in [
        ("HostSNI(`a.example`)", "a.example", true),
        ("HostSNI(`A.example.`)", "a.example", true),
        ("HostSNI(`a.example`)", "", false),
        ("HostSNI(`*`)", "", true),
        ("HostSNI(`*.example`)", "a.example", true),
        ("HostSNI(`*.example`)", "b.a.example", false),
        ("HostSNIRegexp(`^[a-z]+\\.example$`)", "a.example", true),
        ("ALPN(`h2`) && HostSNI(`*`)", "", true),
        ("ALPN(`h3`)", "", false),
        ("!ClientIP(`10.0.0.0/8`)", "", false),
    ] {
        let rule = TcpRule::parse(rule, Syntax::V3).unwrap();
        assert_eq!(rule.matches(&connection(server_name)), matched, "{rule}");
    }
}

#[test]
fn v2_takes_several_values_and_templates() {
    for (rule, server_name, matched) in [
        ("HostSNI(`a`, `b`)", "b", true),
        (
            "HostSNIRegexp(`{sub:[a-z]+}.example`, `x`)",
            "a.example",
            true,
        ),
        (
            "HostSNIRegexp(`{sub:[a-z]+}.example`, `x`)",
            "1.example",
            false,
        ),
        ("ALPN(`h3`, `h2`)", "", true),
    ] {
        let rule = TcpRule::parse(rule, Syntax::V2).unwrap();
        assert_eq!(rule.matches(&connection(server_name)), matched, "{rule}");
    }
}

#[test]
fn the_catch_all_comes_last() {
    let priority = |rule: &str| TcpRule::parse(rule, Syntax::V3).unwrap().default_priority();
    assert_eq!(priority("HostSNI(`*`)"), -1);
    assert_eq!(priority("(HostSNI(\"*\"))"), -1);
    assert_eq!(priority("HostSNI(`a`)"), 12);
    assert_eq!(priority("HostSNI(`*`) && ALPN(`h2`)"), 26);
}

#[test]
fn names_that_are_no_hosts_are_refused() {
    for rule in [
        "HostSNI(`a b`)",
        "HostSNI(`é`)",
        "HostSNI(`**.a`)",
        "HostSNI(`.`)",
        "Host(`a`)",
    ] {
        assert!(TcpRule::parse(rule, Syntax::V3).is_err(), "{rule}");
    }
}
