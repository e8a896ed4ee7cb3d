use super::*;

const MS: Duration = Duration::from_millis(1);

/// A configuration with one router that has `service`, or an empty one.
fn configuration(service: Option<&str>) -> Arc<Configuration> {
    let mut configuration = Configuration::default();
    if let Some(service) = service {
        let router = pointsman_config::dynamic::Router {
            service: service.to_owned(),
            ..Default::default()
        };
        configuration
            .http
            .routers
            .insert("r".to_owned(), Arc::new(router));
    }
    Arc::new(configuration)
}

fn update(provider: &str, service: &str) -> Update {
    Update {
        provider: provider.into(),
        configuration: Some(configuration(Some(service))),
        diagnostics: Vec::new(),
    }
}

fn report(provider: &str, messages: &[&str]) -> Update {
    Update {
        provider: provider.into(),
        configuration: None,
        diagnostics: messages
            .iter()
            .map(|message| Diagnostic::error("x", "", *message))
            .collect(),
    }
}

fn aggregator(providers: &[(&str, Duration)]) -> Aggregator {
    let mut aggregator = Aggregator::new();
    for (provider, throttle) in providers {
        aggregator.register((*provider).into(), *throttle);
    }
    aggregator
}

/// Expects an application and lets it take `cost`; returns provider and service of what was applied.
fn apply(aggregator: &mut Aggregator, now: &mut Instant, cost: Duration) -> Vec<(String, String)> {
    let Due::Apply(updates) = aggregator.due(*now) else {
        panic!("nothing is due");
    };
    *now += cost;
    aggregator.applied(*now);
    updates
        .iter()
        .map(|update| {
            let service = update.configuration.as_ref().map_or("", |configuration| {
                configuration
                    .http
                    .routers
                    .get("r")
                    .map_or("", |router| &router.service)
            });
            (update.provider.to_string(), service.to_owned())
        })
        .collect()
}

fn pair(provider: &str, service: &str) -> (String, String) {
    (provider.to_owned(), service.to_owned())
}

#[test]
fn a_change_after_quiet_is_due_at_once() {
    let mut now = Instant::now();
    let mut aggregator = aggregator(&[("file", Duration::ZERO)]);
    assert_eq!(aggregator.due(now), Due::Nothing);
    aggregator.offer(update("file", "a"));
    assert_eq!(
        apply(&mut aggregator, &mut now, 5 * MS),
        [pair("file", "a")]
    );
    now += 5 * MS;
    aggregator.offer(update("file", "b"));
    assert_eq!(
        apply(&mut aggregator, &mut now, 5 * MS),
        [pair("file", "b")]
    );
}

#[test]
fn while_an_application_runs_the_newest_wins() {
    let mut now = Instant::now();
    let mut aggregator = aggregator(&[("file", Duration::ZERO)]);
    aggregator.offer(update("file", "a"));
    assert!(matches!(aggregator.due(now), Due::Apply(_)));
    for service in ["b", "c", "d"] {
        aggregator.offer(update("file", service));
        assert_eq!(aggregator.due(now), Due::Nothing);
    }
    aggregator.applied(now);
    assert_eq!(
        apply(&mut aggregator, &mut now, Duration::ZERO),
        [pair("file", "d")]
    );
    assert_eq!(aggregator.due(now), Due::Nothing);
}

#[test]
fn the_window_after_an_application_is_as_long_as_it_took_but_bounded() {
    for (cost, window) in [(3 * MS, 3 * MS), (500 * MS, MAX_WINDOW)] {
        let mut now = Instant::now();
        let mut aggregator = aggregator(&[("file", Duration::ZERO)]);
        aggregator.offer(update("file", "a"));
        apply(&mut aggregator, &mut now, cost);
        aggregator.offer(update("file", "b"));
        assert_eq!(aggregator.due(now), Due::At(now + window));
        aggregator.offer(update("file", "c"));
        now += window;
        assert_eq!(apply(&mut aggregator, &mut now, cost), [pair("file", "c")]);
    }
}

#[test]
fn a_throttle_holds_back_its_provider_only() {
    let mut now = Instant::now();
    let mut aggregator = aggregator(&[("file", Duration::ZERO), ("kubernetes", 2_000 * MS)]);
    aggregator.offer(update("file", "a"));
    aggregator.offer(update("kubernetes", "a"));
    let start = now;
    assert_eq!(
        apply(&mut aggregator, &mut now, Duration::ZERO),
        [pair("file", "a"), pair("kubernetes", "a")]
    );
    aggregator.offer(update("kubernetes", "b"));
    assert_eq!(aggregator.due(now), Due::At(start + 2_000 * MS));
    aggregator.offer(update("file", "b"));
    assert_eq!(
        apply(&mut aggregator, &mut now, Duration::ZERO),
        [pair("file", "b")]
    );
    now = start + 1_999 * MS;
    aggregator.offer(update("kubernetes", "c"));
    assert_eq!(aggregator.due(now), Due::At(start + 2_000 * MS));
    now += MS;
    assert_eq!(
        apply(&mut aggregator, &mut now, Duration::ZERO),
        [pair("kubernetes", "c")]
    );
}

#[test]
fn what_equals_the_last_one_is_skipped() {
    let mut now = Instant::now();
    let mut aggregator = aggregator(&[("file", Duration::ZERO)]);
    let first = update("file", "a");
    aggregator.offer(first.clone());
    apply(&mut aggregator, &mut now, Duration::ZERO);
    aggregator.offer(first);
    assert_eq!(aggregator.due(now), Due::Nothing, "the same pointer");
    aggregator.offer(update("file", "a"));
    assert_eq!(aggregator.due(now), Due::Nothing, "equal");
    aggregator.offer(update("file", "b"));
    aggregator.offer(update("file", "a"));
    assert_eq!(
        aggregator.due(now),
        Due::Nothing,
        "there and back before anybody looked"
    );
}

#[test]
fn every_kind_of_object_counts_for_equality() {
    use pointsman_config::dynamic as d;
    let edits: [fn(&mut Configuration); 13] = [
        |c| drop(c.http.routers.insert("x".into(), Arc::default())),
        |c| {
            let service = d::Service {
                middlewares: Vec::new(),
                kind: d::http::ServiceKind::Weighted(d::http::Weighted::default()),
            };
            c.http.services.insert("x".into(), Arc::new(service));
        },
        |c| {
            let middleware = d::Middleware::Chain(d::middleware::Chain::default());
            c.http.middlewares.insert("x".into(), Arc::new(middleware));
        },
        |c| drop(c.http.servers_transports.insert("x".into(), Arc::default())),
        |c| c.tls.certificates.push(Arc::default()),
        |c| drop(c.tls.stores.insert("x".into(), Arc::default())),
        |c| drop(c.tls.options.insert("x".into(), Arc::default())),
        |c| drop(c.tcp.routers.insert("x".into(), Arc::default())),
        |c| {
            let service = d::tcp::TcpService::Weighted(d::tcp::TcpWeighted::default());
            c.tcp.services.insert("x".into(), Arc::new(service));
        },
        |c| {
            let middleware = d::tcp::TcpMiddleware::InFlightConn(d::tcp::InFlightConn::default());
            c.tcp.middlewares.insert("x".into(), Arc::new(middleware));
        },
        |c| drop(c.tcp.servers_transports.insert("x".into(), Arc::default())),
        |c| drop(c.udp.routers.insert("x".into(), Arc::default())),
        |c| {
            let service = d::udp::UdpService::Weighted(d::udp::UdpWeighted::default());
            c.udp.services.insert("x".into(), Arc::new(service));
        },
    ];
    let base = configuration(Some("a"));
    for (index, edit) in edits.iter().enumerate() {
        let mut edited = (*base).clone();
        edit(&mut edited);
        assert!(
            !same_configuration(&base, &Arc::new(edited)),
            "edit {index}"
        );
    }
    assert!(same_configuration(&base, &Arc::new((*base).clone())));
}

#[test]
fn an_update_that_says_nothing_keeps_what_was_there() {
    let mut now = Instant::now();
    let mut aggregator = aggregator(&[("rest", Duration::ZERO)]);
    aggregator.offer(report("rest", &[]));
    assert_eq!(aggregator.due(now), Due::Nothing);
    aggregator.offer(update("rest", "a"));
    aggregator.offer(report("rest", &["down"]));
    assert_eq!(
        apply(&mut aggregator, &mut now, Duration::ZERO),
        [pair("rest", "a")]
    );
    aggregator.offer(report("rest", &["down"]));
    assert_eq!(aggregator.due(now), Due::Nothing, "known already");
    aggregator.offer(update("rest", "a"));
    let Due::Apply(updates) = aggregator.due(now) else {
        panic!("the problem is gone, which is news");
    };
    assert_eq!(updates, [report("rest", &[])]);
}

#[test]
fn an_empty_configuration_is_not_nothing() {
    let mut now = Instant::now();
    let mut aggregator = aggregator(&[("file", Duration::ZERO)]);
    aggregator.offer(update("file", "a"));
    apply(&mut aggregator, &mut now, Duration::ZERO);
    aggregator.offer(Update {
        configuration: Some(configuration(None)),
        ..update("file", "")
    });
    let Due::Apply(updates) = aggregator.due(now) else {
        panic!("deleting the last object is a change");
    };
    assert_eq!(updates.len(), 1);
}

#[test]
fn ready_means_that_every_provider_was_applied_once() {
    let mut now = Instant::now();
    let mut aggregator = aggregator(&[("file", Duration::ZERO), ("kubernetes", Duration::ZERO)]);
    let waiting = |aggregator: &Aggregator| {
        aggregator
            .waiting_for()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    aggregator.offer(update("file", "a"));
    assert_eq!(
        waiting(&aggregator),
        ["file", "kubernetes"],
        "offered is not applied"
    );
    apply(&mut aggregator, &mut now, Duration::ZERO);
    assert_eq!(waiting(&aggregator), ["kubernetes"]);
    aggregator.offer(report("kubernetes", &["unreachable"]));
    apply(&mut aggregator, &mut now, Duration::ZERO);
    assert_eq!(
        waiting(&aggregator),
        ["kubernetes"],
        "a problem is not a configuration"
    );
    aggregator.offer(Update {
        configuration: Some(configuration(None)),
        ..update("kubernetes", "")
    });
    apply(&mut aggregator, &mut now, Duration::ZERO);
    assert!(
        waiting(&aggregator).is_empty(),
        "an empty configuration is complete"
    );
}

#[test]
fn nothing_is_due_before_the_built_in_objects_are_there() {
    let mut now = Instant::now();
    let mut aggregator = aggregator(&[("file", Duration::ZERO), ("internal", Duration::ZERO)]);
    aggregator.offer(update("file", "a"));
    assert_eq!(aggregator.due(now), Due::Nothing);
    aggregator.offer(update("internal", "i"));
    assert_eq!(
        apply(&mut aggregator, &mut now, Duration::ZERO),
        [pair("file", "a"), pair("internal", "i")]
    );
}
