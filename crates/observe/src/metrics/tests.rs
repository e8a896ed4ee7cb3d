use http::{HeaderMap, HeaderValue, Method};

use super::*;

fn options() -> Prometheus {
    Prometheus {
        add_routers_labels: true,
        ..Prometheus::default()
    }
}

fn sample(headers: &HeaderMap, millis: u64) -> Sample<'_> {
    Sample {
        code: 200,
        method: MethodLabel::of(&Method::GET),
        protocol: ProtocolLabel::Http,
        duration: Duration::from_millis(millis),
        request_bytes: 5,
        response_bytes: 7,
        tls: None,
        headers,
    }
}

/// The lines that hold all of `parts`.
fn lines(text: &str, parts: &[&str]) -> Vec<String> {
    text.lines()
        .filter(|line| !line.starts_with('#') && parts.iter().all(|part| line.contains(part)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_text_of_a_scrape_has_traefiks_names_labels_and_buckets() {
    let metrics = Metrics::new(&options()).unwrap();
    let headers = HeaderMap::new();
    let web = metrics.entry_point("web");
    let router = metrics.router("shop@file", "carts@file");
    let service = metrics.service("carts@file");
    for worker in [metrics.worker(), metrics.worker()] {
        let tls = Sample {
            tls: Some(("1.3", "TLS_AES_128_GCM_SHA256")),
            ..sample(&headers, 250)
        };
        worker.entry_point(&web, &tls);
        worker.router(&router, &sample(&headers, 100));
        worker.service(
            &service,
            &Sample {
                code: 503,
                ..sample(&headers, 6000)
            },
        );
        worker.retries(&service, 2);
    }
    let worker = metrics.worker();
    let _open = worker.connection(&web, TransportLabel::Tcp);
    drop(worker.connection(&web, TransportLabel::Tcp));
    metrics.config_reloaded(3, 1_764_039_303);
    metrics.set_certificates(vec![CertificateExpiry {
        cn: "shop \"x\"".to_owned(),
        serial: "17".to_owned(),
        sans: "a.example,b.example".to_owned(),
        not_after: 1_800_000_000,
    }]);
    metrics.set_servers(vec![ServerHealth {
        service: "carts@file".to_owned(),
        url: "http://10.0.0.1:80".to_owned(),
        up: true,
    }]);
    assert_eq!(metrics.render(None), include_str!("golden/scrape.txt"));
}

#[test]
fn process_metrics_have_the_names_of_the_process_collector() {
    let metrics = Metrics::new(&options()).unwrap();
    let text = metrics.render(Some(&ProcessUsage {
        cpu_seconds: 1.5,
        resident_bytes: 4096,
        virtual_bytes: 8192,
        open_fds: 9,
        max_fds: Some(1024),
        start_time_seconds: 1_700_000_000.25,
    }));
    assert_eq!(
        lines(&text, &["process_"]),
        [
            "process_cpu_seconds_total 1.5",
            "process_max_fds 1024",
            "process_open_fds 9",
            "process_resident_memory_bytes 4096",
            "process_start_time_seconds 1.70000000025e+09",
            "process_virtual_memory_bytes 8192",
        ]
    );
}

#[test]
fn series_of_a_removed_service_are_shown_once_more_and_then_gone() {
    let metrics = Metrics::new(&options()).unwrap();
    let worker = metrics.worker();
    let headers = HeaderMap::new();
    let old = metrics.service("old@file");
    worker.service(&old, &sample(&headers, 1));
    drop(old);
    assert_eq!(
        lines(&metrics.render(None), &["old@file", "requests_total"]).len(),
        1
    );
    assert_eq!(lines(&metrics.render(None), &["old@file"]), [""; 0]);

    // The index is used again, and what was counted for the former service is not counted for the new one.
    let new = metrics.service("new@file");
    worker.service(&new, &sample(&headers, 1));
    let text = metrics.render(None);
    assert_eq!(
        lines(&text, &["traefik_service_requests_total"]),
        [
            r#"traefik_service_requests_total{code="200",method="GET",protocol="http",service="new@file"} 1"#
        ]
    );
}

#[test]
fn a_service_that_comes_back_before_the_scrape_goes_on_counting() {
    let metrics = Metrics::new(&options()).unwrap();
    let worker = metrics.worker();
    let headers = HeaderMap::new();
    worker.service(&metrics.service("a@file"), &sample(&headers, 1));
    let back = metrics.service("a@file");
    worker.service(&back, &sample(&headers, 1));
    for _ in 0..2 {
        let text = metrics.render(None);
        assert!(lines(&text, &["traefik_service_requests_total"])[0].ends_with(" 2"));
    }
}

#[test]
fn counters_of_a_worker_that_is_gone_remain() {
    let metrics = Metrics::new(&options()).unwrap();
    let headers = HeaderMap::new();
    let service = metrics.service("a@file");
    let of_thread = (metrics.clone(), service.clone());
    std::thread::spawn(move || {
        let (metrics, service) = of_thread;
        metrics
            .worker()
            .service(&service, &sample(&HeaderMap::new(), 1));
    })
    .join()
    .unwrap();
    metrics.worker().service(&service, &sample(&headers, 1));
    let text = metrics.render(None);
    assert!(lines(&text, &["traefik_service_requests_total"])[0].ends_with(" 2"));
}

#[test]
fn levels_that_are_off_count_nothing() {
    let metrics = Metrics::new(&Prometheus {
        add_entry_points_labels: false,
        add_routers_labels: false,
        add_services_labels: false,
        ..Prometheus::default()
    })
    .unwrap();
    let worker = metrics.worker();
    let headers = HeaderMap::new();
    let service = metrics.service("a@file");
    worker.entry_point(&metrics.entry_point("web"), &sample(&headers, 1));
    worker.router(&metrics.router("r@file", "a@file"), &sample(&headers, 1));
    worker.service(&service, &sample(&headers, 1));
    worker.retries(&service, 1);
    let text = metrics.render(None);
    assert_eq!(lines(&text, &["requests"]), [""; 0]);
    assert_eq!(lines(&text, &["retries"]), [""; 0]);
}

#[test]
fn header_labels_stand_only_on_requests_total() {
    let mut options = options();
    options
        .header_labels
        .insert("agent".to_owned(), "User-Agent".to_owned());
    let metrics = Metrics::new(&options).unwrap();
    let worker = metrics.worker();
    let web = metrics.entry_point("web");
    let mut headers = HeaderMap::new();
    worker.entry_point(&web, &sample(&headers, 1));
    headers.insert("user-agent", HeaderValue::from_static("curl"));
    worker.entry_point(&web, &sample(&headers, 1));
    worker.entry_point(&web, &sample(&headers, 1));
    let text = metrics.render(None);
    assert_eq!(
        lines(&text, &["entrypoint_requests_total"]),
        [
            r#"traefik_entrypoint_requests_total{agent="",code="200",entrypoint="web",method="GET",protocol="http"} 1"#,
            r#"traefik_entrypoint_requests_total{agent="curl",code="200",entrypoint="web",method="GET",protocol="http"} 2"#,
        ]
    );
    assert_eq!(
        lines(&text, &["duration_seconds_count"]),
        [
            r#"traefik_entrypoint_request_duration_seconds_count{code="200",entrypoint="web",method="GET",protocol="http"} 3"#
        ]
    );
}

#[test]
fn clients_can_not_make_series_without_end() {
    let mut options = options();
    options
        .header_labels
        .insert("agent".to_owned(), "User-Agent".to_owned());
    let metrics = Metrics::new(&options).unwrap();
    let worker = metrics.worker();
    let web = metrics.entry_point("web");
    let sets = worker::MAX_LABEL_SETS as u32;
    for value in 0..sets + 50 {
        let headers = HeaderMap::from_iter([(http::header::USER_AGENT, HeaderValue::from(value))]);
        worker.entry_point(&web, &sample(&headers, 1));
    }
    let text = metrics.render(None);
    assert_eq!(
        lines(&text, &["entrypoint_requests_total"]).len(),
        worker::MAX_LABEL_SETS + 1
    );
    let rest = lines(
        &text,
        &["entrypoint_requests_total", worker::OVERFLOW_VALUE],
    );
    assert!(rest[0].ends_with(" 50"), "{rest:?}");
}

#[test]
fn a_server_that_is_gone_is_shown_once_more() {
    let metrics = Metrics::new(&options()).unwrap();
    let server = |url: &str, up| ServerHealth {
        service: "a@file".to_owned(),
        url: url.to_owned(),
        up,
    };
    metrics.set_servers(vec![server("http://1", true), server("http://2", true)]);
    metrics.set_servers(vec![server("http://2", false)]);
    assert_eq!(
        lines(&metrics.render(None), &["server_up"]),
        [
            r#"traefik_service_server_up{service="a@file",url="http://1"} 1"#,
            r#"traefik_service_server_up{service="a@file",url="http://2"} 0"#,
        ]
    );
    assert_eq!(lines(&metrics.render(None), &["server_up"]).len(), 1);
}

#[test]
fn impossible_options_are_refused() {
    let with = |change: fn(&mut Prometheus)| {
        let mut options = options();
        change(&mut options);
        Metrics::new(&options).map(|_| ()).unwrap_err()
    };
    assert_eq!(
        with(|options| options.buckets = vec![0.1, 0.1]),
        MetricsError::Buckets {
            bound: "0.1".to_owned()
        }
    );
    assert_eq!(
        with(|options| options.buckets = vec![f64::NAN]),
        MetricsError::Buckets {
            bound: "NaN".to_owned()
        }
    );
    assert_eq!(
        with(|options| {
            options
                .header_labels
                .insert("a".to_owned(), "no name".to_owned());
        }),
        MetricsError::HeaderName {
            label: "a".to_owned(),
            header: "no name".to_owned()
        }
    );
    for label in ["code", "a-b", "1a", "", "__a"] {
        let mut options = options();
        options
            .header_labels
            .insert(label.to_owned(), "X".to_owned());
        assert!(
            matches!(Metrics::new(&options), Err(MetricsError::LabelName { .. })),
            "{label}"
        );
    }
}

#[test]
fn many_requests_of_many_kinds_are_all_counted() {
    let metrics = Metrics::new(&options()).unwrap();
    let worker = metrics.worker();
    let headers = HeaderMap::new();
    let service = metrics.service("a@file");
    let methods = [Method::GET, Method::POST, Method::PUT];
    for round in 0..999_u16 {
        let method = &methods[usize::from(round % 3)];
        worker.service(
            &service,
            &Sample {
                code: 200 + round % 9,
                method: MethodLabel::of(method),
                ..sample(&headers, u64::from(round % 7) * 100)
            },
        );
    }
    let text = metrics.render(None);
    let total: f64 = lines(&text, &["traefik_service_requests_total"])
        .iter()
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum();
    assert!((total - 999.0).abs() < f64::EPSILON);
}
