//! What the API shows, collected from what runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pointsman_api::{
    CertificateView, ObjectView, RouterView, RuntimeView, ServiceView, StaticView, Status, TcpView,
    UdpView, Version,
};
use pointsman_config::names::{INTERNAL, QualifiedName};
use pointsman_config::static_;
use pointsman_provider::{Merged, Objects};
use pointsman_table::RoutingTable;
use pointsman_tls::{Description, KeyKind};

use crate::problems::STREAMS_NOT_BUILT;

/// The view of a table and of what it was compiled from.
pub(crate) fn collect(
    static_: &static_::Configuration,
    start: SystemTime,
    table: &RoutingTable,
    merged: &Merged,
) -> RuntimeView {
    let runtime = &table.runtime;
    let routers = runtime.routers.iter().map(|(name, router)| {
        let view = RouterView {
            object: object(router.config.clone(), router.status, &router.errors),
            using: router.using.clone(),
            priority: router.priority,
        };
        (name.clone(), view)
    });
    let own_services = pointsman_table::internal::services(static_)
        .into_iter()
        .filter(|(_, is_on)| *is_on)
        .map(|(name, _)| {
            let view = ServiceView {
                object: object(None, pointsman_table::Status::Enabled, &[]),
                servers: BTreeMap::new(),
            };
            (QualifiedName::new(name, INTERNAL), view)
        });
    let services = runtime.services.iter().map(|(name, service)| {
        let view = ServiceView {
            object: object(service.config.clone(), service.status, &service.errors),
            // Nothing checks servers yet, so all of them are up.
            servers: service
                .servers
                .iter()
                .map(|url| (url.clone(), true))
                .collect(),
        };
        (name.clone(), view)
    });
    let middlewares = runtime.middlewares.iter().map(|(name, middleware)| {
        let view = object(
            middleware.config.clone(),
            middleware.status,
            &middleware.errors,
        );
        (name.clone(), view)
    });
    RuntimeView {
        static_: StaticView::from(static_),
        version: Version {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            codename: crate::CODENAME.to_owned(),
            start,
        },
        routers: routers.collect(),
        services: own_services.chain(services).collect(),
        middlewares: middlewares.collect(),
        tcp: TcpView {
            routers: unbuilt(&merged.tcp_routers, router_not_built),
            services: unbuilt(&merged.tcp_services, service_not_built),
            middlewares: unbuilt(&merged.tcp_middlewares, not_built),
        },
        udp: UdpView {
            routers: unbuilt(&merged.udp_routers, router_not_built),
            services: unbuilt(&merged.udp_services, service_not_built),
        },
        certificates: table
            .certificates
            .certificates()
            .iter()
            .map(|description| certificate(description))
            .collect(),
    }
}

fn object<C>(config: C, status: pointsman_table::Status, errors: &[String]) -> ObjectView<C> {
    ObjectView {
        config,
        status: match status {
            pointsman_table::Status::Enabled => Status::Enabled,
            pointsman_table::Status::Warning => Status::Warning,
            pointsman_table::Status::Disabled => Status::Disabled,
        },
        errors: errors.to_vec(),
    }
}

/// Objects that are configured and do nothing, seen to be disabled.
fn unbuilt<T, V>(objects: &Objects<T>, view: fn(Arc<T>) -> V) -> BTreeMap<QualifiedName, V> {
    objects
        .iter()
        .map(|(name, object)| (name.clone(), view(object.clone())))
        .collect()
}

fn not_built<C>(config: C) -> ObjectView<C> {
    ObjectView {
        config,
        status: Status::Disabled,
        errors: vec![STREAMS_NOT_BUILT.to_owned()],
    }
}

fn router_not_built<C>(config: Arc<C>) -> RouterView<C> {
    RouterView {
        object: not_built(config),
        using: Vec::new(),
        priority: None,
    }
}

fn service_not_built<C>(config: Arc<C>) -> ServiceView<C> {
    ServiceView {
        object: not_built(Some(config)),
        servers: BTreeMap::new(),
    }
}

fn certificate(description: &Description) -> CertificateView {
    let (key_type, key_bits) = match description.key_kind {
        KeyKind::Rsa => ("RSA", description.key_bits),
        KeyKind::Ecdsa => ("ECDSA", description.key_bits),
        KeyKind::Ed25519 | KeyKind::Unknown => ("Unknown", 0),
    };
    let addresses = description.ip_addresses.iter().map(ToString::to_string);
    CertificateView {
        fingerprint: description.fingerprint.clone(),
        public_key_fingerprint: description.public_key_fingerprint.clone(),
        sans: description
            .dns_names
            .iter()
            .cloned()
            .chain(addresses)
            .collect(),
        not_after: unix_time(description.not_after),
        not_before: unix_time(description.not_before),
        serial_number: description.serial_number.clone(),
        common_name: description.common_name.clone(),
        issuer_org: description.issuer_organization.clone(),
        issuer_cn: description.issuer_common_name.clone(),
        issuer_country: description.issuer_country.clone(),
        organization: description.organization.clone(),
        country: description.country.clone(),
        version: description.version,
        key_type: key_type.to_owned(),
        key_size: u32::try_from(key_bits).unwrap_or(u32::MAX),
        signature_algorithm: description.signature_algorithm.clone(),
    }
}

/// Times before 1970 are shown as that.
fn unix_time(seconds: i64) -> SystemTime {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
