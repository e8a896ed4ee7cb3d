use super::*;

fn slice(name: &str, service: &str, created: i64, address: &str, port: u16) -> Change {
    Change::Upsert(Object::EndpointSlice(Arc::new(EndpointSlice {
        name: ObjectName::new("shop", name),
        created,
        service: service.into(),
        legacy: false,
        ports: [SlicePort {
            name: Some("".into()),
            port,
        }]
        .into(),
        endpoints: [Endpoint {
            address: Address::new(address),
            serving: true,
            terminating: false,
        }]
        .into(),
    })))
}

fn names(snapshot: &Snapshot, namespace: &str, service: &str) -> Vec<String> {
    snapshot
        .endpoint_slices(&ObjectName::new(namespace, service))
        .map(|slice| slice.name.to_string())
        .collect()
}

/// Row 103: an update that changes neither ports nor addresses is no event.
#[test]
fn row_103_slice_updates_count_only_when_ports_or_addresses_differ() {
    let mut snapshot = Snapshot::default();
    let mut events = |address: &str, port: u16| {
        let touched = snapshot.apply(slice("web-1", "web", 0, address, port));
        assert!(
            touched
                .iter()
                .all(|t| *t == Changed::Endpoints(ObjectName::new("shop", "web")))
        );
        touched.len()
    };
    assert_eq!(events("10.0.0.1", 80), 1);
    assert_eq!(events("10.0.0.1", 80), 0);
    assert_eq!(events("10.0.0.2", 80), 1);
    assert_eq!(events("10.0.0.2", 81), 1);
}

/// Row 104: by namespace and label, sorted by creation time, then name.
#[test]
fn row_104_slices_of_a_service_come_oldest_first() {
    let mut snapshot = Snapshot::default();
    for (name, service, created) in [
        ("web-c", "web", 20),
        ("web-b", "web", 20),
        ("web-z", "web", 10),
        ("other-1", "other", 1),
    ] {
        snapshot.apply(slice(name, service, created, "10.0.0.1", 80));
    }
    assert_eq!(
        names(&snapshot, "shop", "web"),
        ["shop/web-z", "shop/web-b", "shop/web-c"]
    );
    assert_eq!(names(&snapshot, "shop", "other"), ["shop/other-1"]);
    assert!(names(&snapshot, "elsewhere", "web").is_empty());
}

#[test]
fn a_slice_that_moves_touches_both_services() {
    let mut snapshot = Snapshot::default();
    snapshot.apply(slice("s", "web", 0, "10.0.0.1", 80));
    let touched = snapshot.apply_all([slice("s", "api", 0, "10.0.0.1", 80)]);
    assert_eq!(
        touched,
        [
            Changed::Endpoints(ObjectName::new("shop", "api")),
            Changed::Endpoints(ObjectName::new("shop", "web"))
        ]
    );
    assert!(names(&snapshot, "shop", "web").is_empty());
    assert_eq!(names(&snapshot, "shop", "api"), ["shop/s"]);
}

#[test]
fn deleting_what_is_not_there_touches_nothing() {
    let mut snapshot = Snapshot::default();
    let id = ObjectId {
        kind: Kind::EndpointSlice,
        name: ObjectName::new("shop", "s"),
    };
    assert_eq!(snapshot.apply(Change::Delete(id.clone())), []);
    snapshot.apply(slice("s", "web", 0, "10.0.0.1", 80));
    assert_eq!(
        snapshot.apply(Change::Delete(id)),
        [Changed::Endpoints(ObjectName::new("shop", "web"))]
    );
    assert_eq!(snapshot, Snapshot::default());
}

#[test]
fn a_clone_keeps_what_it_saw() {
    let mut snapshot = Snapshot::default();
    snapshot.apply(slice("a", "web", 0, "10.0.0.1", 80));
    let before = snapshot.clone();
    snapshot.apply(slice("b", "web", 0, "10.0.0.2", 80));
    assert_eq!(names(&before, "shop", "web"), ["shop/a"]);
    assert_eq!(names(&snapshot, "shop", "web"), ["shop/a", "shop/b"]);
}

#[test]
fn legacy_endpoints_count_only_without_slices() {
    let mut snapshot = Snapshot::default();
    let Change::Upsert(Object::EndpointSlice(real)) = slice("web-1", "web", 0, "10.0.0.1", 80)
    else {
        unreachable!()
    };
    let legacy = EndpointSlice {
        name: ObjectName::new("shop", "endpoints/web/0"),
        legacy: true,
        ..(*real).clone()
    };
    snapshot.apply(Change::Upsert(Object::EndpointSlice(Arc::new(legacy))));
    assert_eq!(names(&snapshot, "shop", "web"), ["shop/endpoints/web/0"]);
    snapshot.apply(Change::Upsert(Object::EndpointSlice(real)));
    assert_eq!(names(&snapshot, "shop", "web"), ["shop/web-1"]);
}

#[test]
fn addresses_print_as_written() {
    for text in [
        "10.0.0.1",
        "2001:0db8:0015::1",
        "web.example.com",
        "010.0.0.1",
        "",
    ] {
        assert_eq!(Address::new(text).to_string(), text);
    }
    assert_eq!(
        Address::new("10.0.0.1"),
        Address::V4(Ipv4Addr::new(10, 0, 0, 1))
    );
}

#[test]
fn later_entries_of_a_string_map_win() {
    let map: StringMap = [("b", "1"), ("a", "2"), ("b", "3")]
        .map(|(key, value)| (Arc::from(key), Arc::from(value)))
        .into_iter()
        .collect();
    assert_eq!(map.iter().collect::<Vec<_>>(), [("a", "2"), ("b", "3")]);
    assert_eq!(map.find("b"), Some("3"));
}

use std::net::Ipv4Addr;
