use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use pointsman_config::dynamic::Router;
use tokio::time::{advance, sleep, timeout};

use super::*;

const MS: Duration = Duration::from_millis(1);

fn configuration(service: &str) -> Arc<Configuration> {
    let mut configuration = Configuration::default();
    let router = Router {
        service: service.to_owned(),
        ..Router::default()
    };
    configuration
        .http
        .routers
        .insert("r".to_owned(), Arc::new(router));
    Arc::new(configuration)
}

fn service(update: &Update) -> String {
    let configuration = update.configuration.as_ref().unwrap();
    configuration.http.routers["r"].service.clone()
}

/// Runs `inbox` beside `script` and returns what was applied, with the time since the start. Applying takes `cost`.
async fn applied(
    inbox: Inbox,
    cost: Duration,
    script: impl Future<Output = ()>,
) -> Vec<(u128, String)> {
    let start = Instant::now();
    let log = Rc::new(RefCell::new(Vec::new()));
    let run = inbox.run(async |updates| {
        let now = start.elapsed().as_millis();
        log.borrow_mut()
            .extend(updates.iter().map(|update| (now, service(update))));
        sleep(cost).await;
    });
    let script = async {
        script.await;
        sleep(60_000 * MS).await;
    };
    tokio::select! {
        _ = run => {}
        () = script => {}
    }
    log.take()
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_a_thousand_changes_is_a_handful_of_applications_and_ends_with_the_newest() {
    let mut inbox = Inbox::new(Duration::ZERO);
    let sender = inbox.register("file", Duration::ZERO);
    let log = applied(inbox, 10 * MS, async {
        for n in 0..1_000 {
            sender.send(configuration(&n.to_string()), Vec::new());
            if n % 10 == 0 {
                sleep(MS).await;
            }
        }
    })
    .await;
    assert_eq!(log.first(), Some(&(0, "0".to_owned())));
    assert_eq!(log.last().map(|(_, service)| service.as_str()), Some("999"));
    assert!(log.len() <= 7, "100 ms of storm at 20 ms each: {log:?}");
}

#[tokio::test(start_paused = true)]
async fn the_common_throttle_counts_from_one_update_to_the_next() {
    let mut inbox = Inbox::new(2_000 * MS);
    let sender = inbox.register("file", Duration::ZERO);
    let log = applied(inbox, Duration::ZERO, async {
        for n in 0..30 {
            sender.send(configuration(&n.to_string()), Vec::new());
            sleep(150 * MS).await;
        }
    })
    .await;
    assert_eq!(
        log,
        [
            (0, "0".to_owned()),
            (2_000, "13".to_owned()),
            (4_000, "26".to_owned()),
            (6_000, "29".to_owned())
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_longer_throttle_of_provider_and_common_one_counts() {
    for (common, own) in [(500, 100), (100, 500)] {
        let mut inbox = Inbox::new(common * MS);
        let sender = inbox.register("kubernetes", own * MS);
        let log = applied(inbox, Duration::ZERO, async {
            for service in ["a", "b"] {
                sender.send(configuration(service), Vec::new());
                sleep(MS).await;
            }
        })
        .await;
        assert_eq!(log, [(0, "a".to_owned()), (500, "b".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_from_another_thread_wakes_the_loop() {
    let mut inbox = Inbox::new(Duration::ZERO);
    let sender = inbox.register("file", Duration::ZERO);
    let log = applied(inbox, Duration::ZERO, async {
        sleep(5 * MS).await;
        tokio::task::spawn_blocking(move || sender.send(configuration("a"), Vec::new()))
            .await
            .unwrap();
    })
    .await;
    assert_eq!(log.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_seen_from_outside() {
    let mut inbox = Inbox::new(Duration::ZERO);
    let file = inbox.register("file", Duration::ZERO);
    let kubernetes = inbox.register("kubernetes", Duration::ZERO);
    let readiness = inbox.readiness();
    assert_eq!(
        readiness.waiting_for(),
        ["file".into(), "kubernetes".into()]
    );
    let script = async {
        file.send(configuration("a"), Vec::new());
        advance(MS).await;
        sleep(MS).await;
        assert!(!readiness.is_ready());
        assert_eq!(readiness.waiting_for(), ["kubernetes".into()]);
        kubernetes.send(configuration("b"), Vec::new());
        sleep(MS).await;
        assert!(readiness.is_ready());
    };
    tokio::select! {
        _ = inbox.run(async |_| ()) => {}
        () = script => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_never_waits_for_an_application_that_hangs() {
    let mut inbox = Inbox::new(Duration::ZERO);
    let sender = inbox.register("file", Duration::ZERO);
    let shared = Arc::clone(&inbox.shared);
    let run = inbox.run(async |_| pending().await);
    let script = async {
        for n in 0..10_000 {
            sender.send(configuration(&n.to_string()), Vec::new());
            tokio::task::yield_now().await;
        }
    };
    let ran = timeout(MS, async {
        tokio::select! {
            _ = run => {}
            () = script => {}
        }
    });
    ran.await.unwrap();
    assert_eq!(lock(&shared.slots).len(), 1);
}
