//! Expectations: Traefik v3.7 `basicAuth` reference, table 2.E of the security notes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointsman_config::dynamic::Middleware;
use pointsman_config::types::Secret;
use pointsman_message::Step;

use crate::testing::{
    Pieces, Seen, Server, answer, build_alone, build_error, exchange, run, text, values,
};

use super::*;

/// Password `test`.
const ALICE: &str = "alice:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/";
/// Password `myPassword`.
const BOB: &str = "bob:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC";

fn data(users: &[&str], edit: impl FnOnce(&mut config::BasicAuth)) -> Middleware {
    let mut data = config::BasicAuth {
        users: users
            .iter()
            .map(|&user| Secret::new(user.to_owned()))
            .collect(),
        ..config::BasicAuth::default()
    };
    edit(&mut data);
    Middleware::BasicAuth(data)
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Sends a request with `headers` through `step`: the answer, and what the server saw.
fn send(step: &Step, headers: &[(&str, &str)]) -> (Response, Vec<Seen>, Option<String>) {
    let server = Server::new(|_| Ok(answer(200, &[], "served")));
    let mut exchange = exchange("GET", "http://foo/", headers);
    exchange.body = Pieces::new(&["a"])
        .trailers(&[("x_webauth_user", "evil"), ("t", "1")])
        .body();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let response = runtime
        .block_on(run(std::slice::from_ref(step), &mut exchange, &*server))
        .unwrap();
    (response, server.seen(), exchange.record.user)
}

fn status(step: &Step, user: &str, password: &str) -> u16 {
    let (response, seen, _) = send(step, &[("authorization", &basic(user, password))]);
    assert_eq!(seen.len(), usize::from(response.head.status == 200));
    response.head.status.as_u16()
}

#[test]
fn only_the_right_password_of_a_known_user_lets_in() {
    let step = build_alone(data(
        &[ALICE, BOB, "carol:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="],
        |_| {},
    ))
    .unwrap();
    for (user, password, expected) in [
        ("alice", "test", 200),
        ("alice", "test", 200),
        ("alice", "Test", 401),
        ("alice", "myPassword", 401),
        ("alice", "", 401),
        ("bob", "myPassword", 200),
        ("bob", "myPassword2", 401),
        ("carol", "secret", 200),
        ("carol", "test", 401),
        ("mallory", "test", 401),
        ("mallory", "myPassword", 401),
        ("", "", 401),
        ("Alice", "test", 401),
    ] {
        assert_eq!(status(&step, user, password), expected, "{user} {password}");
    }
}

#[test]
fn the_challenge_names_the_realm() {
    for (realm, challenge) in [
        ("", "Basic realm=\"traefik\""),
        ("my realm", "Basic realm=\"my realm\""),
        ("a\"b", "Basic realm=\"a\\\"b\""),
    ] {
        let step = build_alone(data(&[ALICE], |data| data.realm = realm.to_owned())).unwrap();
        let (response, seen, user) = send(&step, &[]);
        assert_eq!(response.head.status, 401);
        assert_eq!(
            values(&response.head.headers, "www-authenticate"),
            challenge
        );
        assert_eq!(values(&response.head.headers, "content-type"), "text/plain");
        assert_eq!(text(&response.body), "401 Unauthorized\n");
        assert!(seen.is_empty());
        assert_eq!(user, None);
    }
}

#[test]
fn the_access_log_gets_the_name_of_who_tried() {
    let step = build_alone(data(&[ALICE], |_| {})).unwrap();
    for (user, password) in [("alice", "test"), ("alice", "wrong"), ("eve", "x")] {
        let (_, _, recorded) = send(&step, &[("authorization", &basic(user, password))]);
        assert_eq!(recorded.as_deref(), Some(user));
    }
}

#[test]
fn the_header_reaches_the_server_unless_it_is_to_be_removed() {
    let authorization = basic("alice", "test");
    for (remove, expected) in [(false, &*authorization), (true, "-")] {
        let step = build_alone(data(&[ALICE], |data| data.remove_header = remove)).unwrap();
        let (_, seen, _) = send(&step, &[("authorization", &authorization)]);
        assert_eq!(values(&seen[0].headers, "authorization"), expected);
    }
}

// CVE-2026-33433, CVE-2026-54763
#[test]
fn the_header_field_is_the_users_name_in_one_spelling_only() {
    for field in ["X-WebAuth-User", "x-webauth-user", "X-WEBAUTH-USER"] {
        let step =
            build_alone(data(&[ALICE], |data| data.header_field = field.to_owned())).unwrap();
        let (_, seen, _) = send(
            &step,
            &[
                ("authorization", &basic("alice", "test")),
                ("X-WebAuth-User", "evil"),
                ("x-webauth-user", "evil"),
                ("x_webauth_user", "evil"),
                ("X-Webauth_User", "evil"),
            ],
        );
        assert_eq!(values(&seen[0].headers, "x-webauth-user"), "alice");
        assert_eq!(seen[0].headers.len(), 2, "{:?}", seen[0].headers);
        let trailers = seen[0].trailers.as_ref().unwrap();
        assert_eq!(trailers.keys().collect::<Vec<_>>(), ["t"]);
    }
}

#[test]
fn users_come_from_the_file_too_and_the_option_wins() {
    let with_file = |users: &[&str]| {
        build_alone(data(users, |data| data.users_file = "users.txt".to_owned())).unwrap()
    };
    let both = with_file(&[ALICE]);
    assert_eq!(status(&both, "carol", "secret"), 200);
    assert_eq!(status(&both, "alice", "test"), 200);
    let replaced = with_file(&["carol:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="]);
    assert_eq!(status(&replaced, "carol", "secret"), 401);
    assert_eq!(status(&replaced, "carol", "test"), 200);
}

// Traefik 3.7.3: no users at all is an error; I7.
#[test]
fn what_would_let_anybody_or_nobody_in_is_not_built() {
    type Edit = fn(&mut config::BasicAuth);
    let cases: [(&[&str], Edit, &str); 7] = [
        (
            &[],
            |_| {},
            "basicAuth.users: is empty: list at least one user",
        ),
        (
            &[ALICE, "no-colon"],
            |_| {},
            "basicAuth.users[1]: is not of the form name:hash",
        ),
        (
            &["a:b:c"],
            |_| {},
            "basicAuth.users[0]: is not of the form name:hash",
        ),
        (
            &[ALICE],
            |data| data.users_file = "other.txt".to_owned(),
            "basicAuth.usersFile: cannot read \"other.txt\": ",
        ),
        (
            &[ALICE],
            |data| data.header_field = "Host".to_owned(),
            "basicAuth.headerField: \"Host\" belongs to the connection",
        ),
        (
            &["a\u{1}b:{SHA}x"],
            |data| data.header_field = "X-User".to_owned(),
            "basicAuth.headerField: user \"a\\u{1}b\" cannot be put into a header",
        ),
        (
            &[ALICE],
            |data| data.realm = "a\nb".to_owned(),
            "basicAuth.realm: is no header value",
        ),
    ];
    for (users, edit, text) in cases {
        let error = build_error(data(users, edit));
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn errors_do_not_show_hashes() {
    let error = build_error(data(&["alice:$apr1$H6uskkkW$x:y"], |_| {}));
    assert!(!error.contains("apr1"), "{error}");
}

#[test]
fn a_hash_that_cannot_be_read_lets_nobody_in_and_others_can() {
    let step = build_alone(data(&[ALICE, "bob:plain", "eve:"], |_| {})).unwrap();
    assert_eq!(status(&step, "bob", "plain"), 401);
    assert_eq!(status(&step, "eve", ""), 401);
    assert_eq!(status(&step, "alice", "test"), 200);
}

/// One `BasicAuth` with these users, for a look inside.
fn built(users: &[&str]) -> BasicAuth {
    let Middleware::BasicAuth(data) = data(users, |_| {}) else {
        panic!("is basic authentication");
    };
    let hashing = HashPool::new(2).unwrap();
    BasicAuth::build(
        &data,
        &BuildContext {
            name: &QualifiedName::new("mine", "file"),
            calls: &crate::testing::Calls::new(Server::new(|_| panic!("nobody is called"))),
            read_file: &|_| panic!("no file is read"),
            hashing: &hashing,
        },
    )
    .unwrap()
}

// CVE-2026-32595, CVE-2026-41263: the work does not say whether a user exists.
#[test]
fn an_unknown_user_costs_the_costliest_hash() {
    for users in [
        &[ALICE, BOB, "c:{SHA}x"][..],
        &[BOB, ALICE],
        &["x:plain", BOB],
    ] {
        let built = built(users);
        assert!(built.decoy.text().starts_with("$2y$05$"), "{users:?}");
    }
    assert!(
        built(&["c:{SHA}x", ALICE])
            .decoy
            .text()
            .starts_with("$apr1$")
    );
}

// CVE-2026-71326: a verified password of one user says nothing about another with the same hash.
#[test]
fn only_right_passwords_are_remembered_and_per_user() {
    let built = built(&[ALICE, "twin:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let verify = |user: &str, password: &str| {
        let credentials = Credentials {
            user: user.as_bytes().to_vec(),
            password: Arc::new(Zeroizing::new(password.as_bytes().to_vec())),
        };
        let answer = runtime.block_on(built.verify(&credentials));
        (answer, built.remembered.read().unwrap().len())
    };
    assert_eq!(verify("alice", "wrong"), (Ok(false), 0));
    assert_eq!(verify("mallory", "test"), (Ok(false), 0));
    assert_eq!(verify("alice", "test"), (Ok(true), 1));
    assert_eq!(verify("alice", "test"), (Ok(true), 1));
    assert_eq!(verify("mallory", "test"), (Ok(false), 1));
    assert_eq!(verify("twin", "test"), (Ok(true), 2));
    assert_eq!(verify("alicet", "est"), (Ok(false), 2));
}

#[test]
fn what_is_remembered_is_bounded() {
    let built = built(&[ALICE]);
    for index in 0..=MAX_REMEMBERED {
        built.remember(built.hashing.fingerprint(&[&index.to_le_bytes()]));
    }
    assert_eq!(built.remembered.read().unwrap().len(), 1);
}
