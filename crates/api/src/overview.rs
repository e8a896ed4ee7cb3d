//! Numbers at a glance, and the version.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::certificates::{self, CertificateStatus};
use crate::view::{RuntimeView, Status};

pub(crate) fn version(view: &RuntimeView) -> Value {
    let mut json = Map::new();
    json.insert("Version".to_owned(), view.version.version.as_str().into());
    json.insert("Codename".to_owned(), view.version.codename.as_str().into());
    json.insert("startDate".to_owned(), time(view.version.start).into());
    if view.static_.disable_dashboard_ad {
        json.insert("disableDashboardAd".to_owned(), true.into());
    }
    if !view.static_.dashboard_name.is_empty() {
        json.insert(
            "dashboardName".to_owned(),
            view.static_.dashboard_name.as_str().into(),
        );
    }
    Value::Object(json)
}

pub(crate) fn overview(view: &RuntimeView, now: SystemTime) -> Value {
    let features = &view.static_.features;
    let mut json = json!({
        "http": {
            "routers": section(view.routers.values().map(|router| router.object.status)),
            "services": section(view.services.values().map(|service| service.object.status)),
            "middlewares": section(view.middlewares.values().map(|object| object.status)),
        },
        "tcp": {
            "routers": section(view.tcp.routers.values().map(|router| router.object.status)),
            "services": section(view.tcp.services.values().map(|service| service.object.status)),
            "middlewares": section(view.tcp.middlewares.values().map(|object| object.status)),
        },
        "udp": {
            "routers": section(view.udp.routers.values().map(|router| router.object.status)),
            "services": section(view.udp.services.values().map(|service| service.object.status)),
        },
        "certificates": section(view.certificates.iter().map(|certificate| {
            match certificates::status(certificate, now) {
                CertificateStatus::Enabled => Status::Enabled,
                CertificateStatus::Warning => Status::Warning,
                CertificateStatus::Expired => Status::Disabled,
            }
        })),
        "features": {
            "tracing": features.tracing,
            "metrics": features.metrics,
            "accessLog": features.access_log,
        },
    });
    if let Value::Object(json) = &mut json
        && !view.static_.providers.is_empty()
    {
        json.insert("providers".to_owned(), json!(view.static_.providers));
    }
    json
}

/// RFC 3339 in UTC, with as much of a fraction as there is.
pub(crate) fn time(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| String::new(), |time| time.to_string())
}

fn section(states: impl Iterator<Item = Status>) -> Value {
    let (mut total, mut warnings, mut errors) = (0, 0, 0);
    for status in states {
        total += 1;
        match status {
            Status::Enabled => {}
            Status::Warning => warnings += 1,
            Status::Disabled => errors += 1,
        }
    }
    json!({ "total": total, "warnings": warnings, "errors": errors })
}
