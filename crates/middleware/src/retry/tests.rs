//! Expectations: Traefik v3.7 `retry` reference and its behaviour with unreachable servers.

use std::sync::Arc;

use pointsman_config::dynamic::Middleware;
use pointsman_config::types::GoDuration;
use pointsman_message::{HeadFilter, Retry as Advice, Step};

use crate::testing::{
    Pieces, Server, answer, build_alone, build_error, exchange, run, text, values,
};

use super::*;

fn data(attempts: i64, edit: impl FnOnce(&mut config::Retry)) -> Middleware {
    let mut data = config::Retry {
        attempts,
        ..config::Retry::default()
    };
    edit(&mut data);
    Middleware::Retry(data)
}

fn by_status(statuses: &[&str]) -> impl FnOnce(&mut config::Retry) {
    let statuses = statuses.iter().map(|&status| status.to_owned()).collect();
    |data| data.status = statuses
}

fn unsent(kind: Kind) -> ProxyError {
    ProxyError::new(kind, "no connection").with_retry(Advice::Unsent)
}

/// A server that fails by `errors` and then answers 200.
fn failing(errors: Vec<ProxyError>) -> Arc<Server> {
    let mut errors = errors.into_iter();
    Server::without_reading(move |_| match errors.next() {
        Some(error) => Err(error),
        None => Ok(answer(200, &[], "served")),
    })
}

/// A server that answers with `statuses` and then 200.
fn answering(statuses: &'static [u16]) -> Arc<Server> {
    let mut statuses = statuses.iter();
    Server::new(move |_| Ok(answer(*statuses.next().unwrap_or(&200), &[], "served")))
}

/// How an exchange ended: status or error, and how often the server was asked.
async fn send(middleware: Middleware, server: &Server, exchange: &mut Exchange) -> (String, usize) {
    let steps = [build_alone(middleware).unwrap()];
    let result = run(&steps, exchange, server).await;
    let end = match result {
        Ok(response) => response.head.status.as_u16().to_string(),
        Err(error) => format!("{:?}", error.kind),
    };
    (end, server.seen().len())
}

#[tokio::test]
async fn a_server_that_was_not_reached_is_tried_again() {
    for (attempts, failures, end) in [
        (1, 1, ("Connect", 1)),
        (2, 1, ("200", 2)),
        (3, 2, ("200", 3)),
        (3, 5, ("Connect", 3)),
        (3, 0, ("200", 1)),
    ] {
        let errors = (0..failures).map(|_| unsent(Kind::Connect)).collect();
        let mut exchange = exchange("POST", "http://foo/", &[]);
        let ended = send(data(attempts, |_| {}), &failing(errors), &mut exchange).await;
        assert_eq!((ended.0.as_str(), ended.1), end, "{attempts} {failures}");
        assert_eq!(exchange.record.retries as usize, ended.1 - 1);
    }
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_not_tried_again() {
    for error in [
        ProxyError::new(Kind::UpstreamBroken, "broke"),
        ProxyError::new(Kind::UpstreamTimeout, "slow"),
        ProxyError::new(Kind::UpstreamBroken, "stale").with_retry(Advice::StaleConnection),
        unsent(Kind::NoServer),
        unsent(Kind::ClientGone),
        unsent(Kind::BadRequest),
        ProxyError::new(Kind::Internal, "defect"),
    ] {
        let kind = format!("{:?}", error.kind);
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let ended = send(data(3, |_| {}), &failing(vec![error]), &mut exchange).await;
        assert_eq!(ended, (kind, 1));
    }
}

#[tokio::test]
async fn network_errors_can_be_left_alone() {
    let only_status = |data: &mut config::Retry| {
        data.disable_retry_on_network_error = true;
        data.status = vec!["503".to_owned()];
    };
    let mut first = exchange("GET", "http://foo/", &[]);
    let ended = send(
        data(3, only_status),
        &failing(vec![unsent(Kind::Connect)]),
        &mut first,
    )
    .await;
    assert_eq!(ended, ("Connect".to_owned(), 1));
    let mut second = exchange("GET", "http://foo/", &[]);
    let ended = send(data(3, only_status), &answering(&[503]), &mut second).await;
    assert_eq!(ended, ("200".to_owned(), 2));
}

#[tokio::test]
async fn listed_statuses_are_tried_again() {
    for (listed, answers, end) in [
        (&["503"][..], &[503][..], ("200", 2)),
        (&["500-599"], &[502, 599], ("200", 3)),
        (&["500-599"], &[500, 501, 502, 503], ("502", 3)),
        (&["503"], &[502], ("502", 1)),
        (&["429", "503-504"], &[429, 504], ("200", 3)),
        (&[], &[503], ("503", 1)),
    ] {
        let mut exchange = exchange("GET", "http://foo/", &[]);
        let ended = send(
            data(3, by_status(listed)),
            &answering(answers),
            &mut exchange,
        )
        .await;
        assert_eq!((ended.0.as_str(), ended.1), end, "{listed:?} {answers:?}");
    }
}

#[tokio::test]
async fn errors_count_as_the_status_that_they_become() {
    for (kind, status) in [
        (Kind::UpstreamBroken, "502"),
        (Kind::UpstreamProtocol, "502"),
        (Kind::UpstreamTimeout, "504"),
        (Kind::NoServer, "503"),
    ] {
        let mut listed = exchange("GET", "http://foo/", &[]);
        let error = || vec![ProxyError::new(kind, "failed")];
        let ended = send(
            data(3, by_status(&[status])),
            &failing(error()),
            &mut listed,
        )
        .await;
        assert_eq!(ended, ("200".to_owned(), 2), "{kind:?}");
        let mut unlisted = exchange("GET", "http://foo/", &[]);
        let ended = send(
            data(3, by_status(&["418"])),
            &failing(error()),
            &mut unlisted,
        )
        .await;
        assert_eq!(ended, (format!("{kind:?}"), 1), "{kind:?}");
    }
}

#[tokio::test]
async fn methods_that_are_not_idempotent_are_not_repeated_unless_wanted() {
    for (method, wanted, asked) in [
        ("GET", false, 2),
        ("PUT", false, 2),
        ("DELETE", false, 2),
        ("POST", false, 1),
        ("PATCH", false, 1),
        ("LOCK", false, 1),
        ("POST", true, 2),
        ("LOCK", true, 2),
    ] {
        let mut exchange = exchange(method, "http://foo/", &[]);
        let middleware = data(3, |data| {
            data.status = vec!["503".to_owned()];
            data.retry_non_idempotent_method = wanted;
        });
        let ended = send(middleware, &answering(&[503]), &mut exchange).await;
        assert_eq!(ended.1, asked, "{method} {wanted}");
    }
}

#[tokio::test]
async fn each_try_gets_the_whole_body_and_its_trailers() {
    let server = answering(&[503, 503]);
    let mut exchange = exchange("PUT", "http://foo/", &[]);
    exchange.body = Pieces::new(&["ab", "cd"]).trailers(&[("t", "1")]).body();
    let ended = send(data(3, by_status(&["503"])), &server, &mut exchange).await;
    assert_eq!(ended, ("200".to_owned(), 3));
    for seen in server.seen() {
        assert_eq!(seen.body, "abcd");
        assert!(seen.trailers.unwrap().contains_key("t"));
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_sent_once() {
    for (pieces, declared, limit, asked) in [
        (&["abcd"][..], None, 4, 2),
        (&["ab", "cde"], None, 4, 1),
        (&["abcde"], Some(5), 4, 1),
        (&["abcde"], Some(5), -1, 2),
        (&["a"], None, 0, 1),
        (&[], Some(0), 0, 2),
    ] {
        let server = answering(&[503]);
        let mut exchange = exchange("PUT", "http://foo/", &[]);
        let mut body = Pieces::new(pieces);
        if let Some(length) = declared {
            body = body.declared(length);
        }
        exchange.body = body.body();
        let middleware = data(3, |data| {
            data.status = vec!["503".to_owned()];
            data.max_request_body_bytes = limit;
        });
        let ended = send(middleware, &server, &mut exchange).await;
        assert_eq!(ended.1, asked, "{pieces:?} {limit}");
        assert_eq!(server.seen()[0].body, pieces.concat());
    }
}

#[tokio::test]
async fn a_body_that_nobody_took_goes_to_the_next_try() {
    let mut errors = vec![unsent(Kind::ConnectTimeout)].into_iter();
    let seen = Server::new(|_| Ok(answer(200, &[], "served")));
    let body = Pieces::new(&["abcd"]);
    let taken = body.counter();
    let mut exchange = exchange("POST", "http://foo/", &[]);
    exchange.body = body.body();
    // Fails before the body is read, then hands over to a server that reads it.
    struct First<'a> {
        error: std::sync::Mutex<Option<ProxyError>>,
        then: &'a Server,
    }
    impl pointsman_message::Call for First<'_> {
        fn call<'a>(
            &'a self,
            exchange: &'a mut Exchange,
        ) -> LocalBoxFuture<'a, Result<Response, ProxyError>> {
            match self.error.lock().unwrap().take() {
                Some(error) => {
                    exchange.body = pointsman_message::Body::Empty;
                    Box::pin(std::future::ready(Err(error)))
                }
                None => self.then.call(exchange),
            }
        }
    }
    let first = First {
        error: std::sync::Mutex::new(errors.next()),
        then: &seen,
    };
    let steps = [build_alone(data(2, |_| {})).unwrap()];
    let response = run(&steps, &mut exchange, &first).await.unwrap();
    assert_eq!(response.head.status, 200);
    assert_eq!(seen.seen()[0].body, "abcd");
    assert_eq!(taken.get(), 2, "one piece and the end");
}

#[tokio::test]
async fn the_body_of_a_failed_try_is_read_so_that_the_connection_can_be_kept() {
    let taken = Arc::new(std::sync::Mutex::new(Vec::new()));
    let counters = Arc::clone(&taken);
    let mut statuses = [503, 200].into_iter();
    struct Sized(Arc<std::sync::Mutex<Vec<u16>>>, u16);
    impl pointsman_message::BodyStream for Sized {
        fn poll_frame(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<pointsman_message::Frame, ProxyError>>> {
            self.0.lock().unwrap().push(self.1);
            std::task::Poll::Ready(None)
        }
        fn remaining(&self) -> Option<u64> {
            None
        }
    }
    let server = Server::new(move |_| {
        let status = statuses.next().unwrap();
        let mut response = answer(status, &[], "");
        response.body =
            pointsman_message::Body::Stream(Box::new(Sized(Arc::clone(&counters), status)));
        Ok(response)
    });
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let ended = send(data(2, by_status(&["503"])), &server, &mut exchange).await;
    assert_eq!(ended, ("200".to_owned(), 2));
    assert_eq!(*taken.lock().unwrap(), [503]);
}

/// Appends to the path on each try.
struct AppendX;

impl HeadFilter for AppendX {
    fn on_request(&self, exchange: &mut Exchange) -> pointsman_message::Flow {
        let path = format!("{}x", exchange.request.path());
        exchange.request.set_path(&path);
        exchange.record.forwarded_for_done = true;
        pointsman_message::Flow::Continue
    }
}

#[tokio::test]
async fn what_the_rest_of_the_chain_changed_is_undone_before_the_next_try() {
    let server = answering(&[503, 503]);
    let steps = [
        build_alone(data(3, by_status(&["503"]))).unwrap(),
        Step::Filter(Arc::new(AppendX)),
    ];
    let mut exchange = exchange("GET", "http://foo/a", &[("x-a", "b")]);
    run(&steps, &mut exchange, &*server).await.unwrap();
    for seen in server.seen() {
        assert_eq!(seen.target, "/ax");
        assert!(seen.forwarded_for_done);
        assert_eq!(values(&seen.headers, "x-a"), "b");
    }
}

#[tokio::test]
async fn an_answer_from_the_chain_itself_is_final() {
    struct Deny;
    impl HeadFilter for Deny {
        fn on_request(&self, exchange: &mut Exchange) -> pointsman_message::Flow {
            exchange.record.retries += 100;
            let response = answer(401, &[], "no");
            pointsman_message::Flow::Respond(Box::new(response))
        }
    }
    let server = answering(&[]);
    let steps = [
        build_alone(data(3, |_| {})).unwrap(),
        Step::Filter(Arc::new(Deny)),
    ];
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let response = run(&steps, &mut exchange, &*server).await.unwrap();
    assert_eq!(response.head.status, 401);
    assert_eq!(text(&response.body), "no");
    assert_eq!(exchange.record.retries, 100);
}

#[tokio::test]
async fn an_upgrade_is_repeated_only_while_nothing_was_sent() {
    let upgrade = || {
        exchange(
            "GET",
            "http://foo/",
            &[("upgrade", "websocket"), ("connection", "upgrade")],
        )
    };
    let middleware = || data(3, by_status(&["101", "500-599"]));
    let ended = send(middleware(), &answering(&[101]), &mut upgrade()).await;
    assert_eq!(ended, ("101".to_owned(), 1));
    let ended = send(middleware(), &answering(&[503]), &mut upgrade()).await;
    assert_eq!(ended, ("503".to_owned(), 1));
    let ended = send(
        middleware(),
        &failing(vec![unsent(Kind::Connect)]),
        &mut upgrade(),
    )
    .await;
    assert_eq!(ended, ("200".to_owned(), 2));
}

#[tokio::test(start_paused = true)]
async fn waits_grow_to_twice_the_first_and_vary_by_half() {
    for _ in 0..20 {
        let mut backoff = Backoff::new(Duration::from_secs(1), 5);
        let mut expected = 1.0;
        for _ in 0..4 {
            let wait = backoff.next().unwrap().as_secs_f64();
            assert!(
                (expected * 0.5..=expected * 1.5).contains(&wait),
                "{wait} {expected}"
            );
            expected *= 2_f64.powf(0.25);
        }
        assert!((expected - 2.0).abs() < 1e-9);
    }
    assert_eq!(Backoff::new(Duration::ZERO, 5).next(), None);
    let mut long = Backoff::new(Duration::from_secs(3600), 2);
    assert!(long.next().unwrap() <= MAX_INTERVAL.mul_f64(1.5));
}

#[tokio::test(start_paused = true)]
async fn between_tries_it_waits() {
    let start = Instant::now();
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let middleware = data(3, |data| {
        data.initial_interval = GoDuration::from_secs(1);
        data.status = vec!["503".to_owned()];
    });
    let ended = send(middleware, &answering(&[503, 503]), &mut exchange).await;
    assert_eq!(ended, ("200".to_owned(), 3));
    let waited = start.elapsed().as_secs_f64();
    // 1 s and 1.41 s, each from half to one and a half.
    assert!((1.2..=3.7).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn after_the_timeout_no_try_begins() {
    let mut exchange = exchange("GET", "http://foo/", &[]);
    let middleware = data(10, |data| {
        data.initial_interval = GoDuration::from_secs(10);
        data.timeout = GoDuration::from_secs(4);
        data.status = vec!["503".to_owned()];
    });
    // The first wait is 5 s at least.
    let ended = send(middleware, &answering(&[503, 503, 503]), &mut exchange).await;
    assert_eq!(ended, ("503".to_owned(), 2));
}

#[test]
fn options_that_cannot_work_are_not_built() {
    for (middleware, text) in [
        (
            data(0, |_| {}),
            "retry.attempts: 0 is too few: use 1 or more",
        ),
        (data(-3, |_| {}), "retry.attempts: -3 is too few"),
        (
            data(2, |data| data.disable_retry_on_network_error = true),
            "retry.status: is empty: list statuses",
        ),
        (
            data(2, by_status(&["503", "5xx"])),
            "retry.status[1]: \"5xx\" is neither a status code nor a range",
        ),
        (
            data(2, by_status(&["599-500"])),
            "retry.status[0]: \"599-500\" is neither",
        ),
        (data(2, by_status(&["500-"])), "retry.status[0]: \"500-\""),
        (data(2, by_status(&["99"])), "retry.status[0]: \"99\""),
    ] {
        let error = build_error(middleware);
        assert!(error.contains(text), "{error}");
    }
}
