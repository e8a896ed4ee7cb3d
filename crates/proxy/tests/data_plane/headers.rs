//! What the router says about a request, what it takes away, and what may stand in a target (I5, I6, table 2.D).

use pointsman_testkit::{Message, Upstream};

use crate::support::{OK, Proxy, run, to_servers};

/// The request that the server sees for one that a client sends with these field lines, under these entry point options.
async fn seen(options: &str, fields: &str) -> Message {
    let upstream = Upstream::answering(OK).await.unwrap();
    let static_ = format!("entryPoints: {{ web: {{ address: ':0'{options} }} }}");
    let proxy = Proxy::with(&static_, &to_servers(&[upstream.address()]));
    let answer = proxy
        .ask(format!(
            "GET / HTTP/1.1\r\nHost: Shop.Example:8080\r\n{fields}\r\n"
        ))
        .await;
    assert_eq!(answer.head.status(), Some(200), "{fields}");
    upstream.request().await.unwrap()
}

#[test]
fn untrusted_clients_say_nothing_about_themselves_in_any_spelling() {
    run(async || {
        let mut fields = String::new();
        for name in [
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Method",
            "X-Forwarded-Port",
            "X-Forwarded-Prefix",
            "X-Forwarded-Proto",
            "X-Forwarded-Scheme",
            "X-Forwarded-Server",
            "X-Forwarded-Uri",
            "X-Forwarded-Tls-Client-Cert",
            "X-Forwarded-Tls-Client-Cert-Info",
            "X-Real-Ip",
            "X-Scheme",
        ] {
            for spelling in [
                name.to_owned(),
                name.to_lowercase(),
                name.replace('-', "_"),
                name.to_uppercase().replace('-', "_"),
                name.replacen('-', "_", 1),
            ] {
                fields.push_str(&format!("{spelling}: evil\r\n"));
            }
        }
        let seen = seen("", &fields).await;
        assert!(!String::from_utf8_lossy(&seen.head.raw).contains("evil"));
        for (name, value) in [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "Shop.Example:8080"),
            ("x-forwarded-port", "8080"),
            ("x-forwarded-server", "pointsman-test"),
        ] {
            assert_eq!(seen.head.all(name), [value], "{name}");
        }
    });
}

#[test]
fn trusted_clients_are_believed_and_appended_to_once() {
    run(async || {
        let options = ", forwardedHeaders: { trustedIPs: [ 127.0.0.0/8 ] }";
        let fields = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 203.0.113.8\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outside\r\nX_Forwarded_For: evil\r\n";
        let seen = seen(options, fields).await;
        assert_eq!(
            seen.head.all("x-forwarded-for"),
            ["203.0.113.7, 203.0.113.8, 127.0.0.1"]
        );
        assert_eq!(seen.head.all("x-forwarded-proto"), ["https"]);
        assert_eq!(seen.head.all("x-forwarded-host"), ["outside"]);
        assert!(!String::from_utf8_lossy(&seen.head.raw).contains("evil"));
    });
}

#[test]
fn the_peer_is_not_appended_where_that_is_switched_off() {
    run(async || {
        let seen = seen(", forwardedHeaders: { notAppendXForwardedFor: true }", "").await;
        assert_eq!(seen.head.field("x-forwarded-for"), None);
    });
}

#[test]
fn connection_takes_off_what_it_names_but_nothing_that_the_router_says() {
    run(async || {
        for connection in [
            "Connection: X-Secret, X-Forwarded-For, X-Forwarded-Host, X-Real-Ip",
            "Connection: x-secret\r\nConnection: x-forwarded-for,x-forwarded-host\r\nconnection: X-REAL-IP",
            "Connection: close, X-sEcReT , x_forwarded_for, X-Forwarded-HOST",
        ] {
            let seen = seen("", &format!("X-Secret: 1\r\nX-Kept: 1\r\n{connection}\r\n")).await;
            assert_eq!(seen.head.field("x-secret"), None, "{connection}");
            assert_eq!(seen.head.field("x-kept"), Some("1"));
            assert_eq!(seen.head.field("connection"), None);
            for name in ["x-forwarded-for", "x-forwarded-host", "x-real-ip"] {
                assert!(seen.head.field(name).is_some(), "{connection}: {name}");
            }
        }
        let options = ", forwardedHeaders: { connection: [ X-Secret ] }";
        let seen = seen(options, "X-Secret: 1\r\nConnection: X-Secret\r\n").await;
        assert_eq!(
            seen.head.field("x-secret"),
            Some("1"),
            "the operator lets it through"
        );
    });
}

#[test]
fn fields_of_one_hop_stay_there() {
    run(async || {
        let seen = seen(
            "",
            "Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: secret\r\nTE: deflate\r\nUpgrade: x\r\nX-Kept: 1\r\n",
        )
        .await;
        for name in [
            "keep-alive",
            "proxy-connection",
            "proxy-authorization",
            "te",
            "upgrade",
        ] {
            assert_eq!(seen.head.field(name), None, "{name}");
        }
        assert_eq!(seen.head.field("x-kept"), Some("1"));
    });
}

#[test]
fn underscores_are_kept_dropped_or_refused() {
    run(async || {
        for (strategy, status, kept) in [
            ("keep", 200, true),
            ("delete", 200, false),
            ("reject", 400, false),
        ] {
            let upstream = Upstream::answering(OK).await.unwrap();
            let static_ = format!(
                "entryPoints: {{ web: {{ address: ':0', http: {{ underscoreHeadersStrategy: {strategy} }} }} }}"
            );
            let proxy = Proxy::with(&static_, &to_servers(&[upstream.address()]));
            let answer = proxy
                .ask("GET / HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\n\r\n")
                .await;
            assert_eq!(answer.head.status(), Some(status), "{strategy}");
            if status == 200 {
                let seen = upstream.request().await.unwrap();
                assert_eq!(seen.head.field("x_y").is_some(), kept, "{strategy}");
            }
        }
    });
}

/// What becomes of each target: the server's, or a status.
async fn targets(options: &str, cases: &[(&str, Result<&str, u16>)]) {
    let upstream = Upstream::answering(OK).await.unwrap();
    let static_ = format!("entryPoints: {{ web: {{ address: ':0', http: {{ {options} }} }} }}");
    let proxy = Proxy::with(&static_, &to_servers(&[upstream.address()]));
    for (target, expected) in cases {
        let answer = proxy
            .ask(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        match expected {
            Err(status) => assert_eq!(answer.head.status(), Some(*status), "{target}"),
            Ok(sent) => {
                assert_eq!(answer.head.status(), Some(200), "{target}");
                let seen = upstream.request().await.unwrap();
                assert_eq!(seen.head.start, format!("GET {sent} HTTP/1.1"), "{target}");
            }
        }
    }
}

#[test]
fn paths_are_made_plain_before_routing() {
    run(async || {
        targets(
            "sanitizePath: true",
            &[
                ("/a/../b", Ok("/b")),
                ("/a/./b", Ok("/a/b")),
                ("/a//b", Ok("/a/b")),
                ("/../../b", Ok("/b")),
                ("/a/%2e%2e/b", Ok("/b")),
                ("/a/%2E%2e/b?c=/../d", Ok("/b?c=/../d")),
                ("/a/b/", Ok("/a/b/")),
                ("/%41", Ok("/A")),
                ("/a%2Fb", Ok("/a%2Fb")),
            ],
        )
        .await;
        targets(
            "sanitizePath: false",
            &[("/a/../b", Ok("/a/../b")), ("/a//b", Ok("/a//b"))],
        )
        .await;
    });
}

#[test]
fn encoded_characters_can_be_refused_one_by_one() {
    run(async || {
        let all = "encodedCharacters: { allowEncodedSlash: false, allowEncodedBackSlash: false, allowEncodedNullCharacter: false, allowEncodedSemicolon: false, allowEncodedPercent: false, allowEncodedQuestionMark: false, allowEncodedHash: false }";
        targets(
            all,
            &[
                ("/a%2fb", Err(400)),
                ("/a%2Fb", Err(400)),
                ("/a%5cb", Err(400)),
                ("/a%00b", Err(400)),
                ("/a%3bb", Err(400)),
                ("/a%25b", Err(400)),
                ("/a%3Fb", Err(400)),
                ("/a%23b", Err(400)),
                ("/a%20b?c=%2f%00", Ok("/a%20b?c=%2f%00")),
            ],
        )
        .await;
    });
}

#[test]
fn semicolons_in_queries_are_separators_or_encoded() {
    run(async || {
        targets(
            "encodeQuerySemicolons: true",
            &[("/?a=1;b=2", Ok("/?a=1%3Bb=2"))],
        )
        .await;
        // Go drops a parameter that a semicolon stands in.
        targets(
            "encodeQuerySemicolons: false",
            &[("/?a=1&b=2", Ok("/?a=1&b=2"))],
        )
        .await;
    });
}
