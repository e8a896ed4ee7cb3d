//! The options of the access log, worked out once: which requests, which fields, which headers.

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use pointsman_config::static_::observability::{
    AccessLog as Options, AccessLogFilters, AccessLogFormat, FieldMode, HeaderMode,
};

use super::AccessLogError;
use crate::names::access_log as names;
use crate::names::log::{LEVEL, TIME};

/// The fields, in the order of their names, which is the order in which Traefik's encoder writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    ClientAddr,
    ClientHost,
    ClientPort,
    ClientUsername,
    DownstreamContentSize,
    DownstreamStatus,
    Duration,
    GzipRatio,
    KubernetesIngressName,
    KubernetesIngressNamespace,
    KubernetesServiceName,
    KubernetesServicePort,
    OriginContentSize,
    OriginDuration,
    OriginStatus,
    Overhead,
    RequestAddr,
    RequestContentSize,
    RequestCount,
    RequestHost,
    RequestMethod,
    RequestPath,
    RequestPort,
    RequestProtocol,
    RequestScheme,
    RetryAttempts,
    RouterName,
    ServiceAddr,
    ServiceName,
    ServiceUrl,
    SpanIdDeprecated,
    StartLocal,
    StartUtc,
    TlsCipher,
    TlsClientSubject,
    TlsVersion,
    TraceIdDeprecated,
    EntryPointName,
    SpanId,
    TraceId,
}

/// Name of each field, in the order of [`Field`], and whether its value is text.
const FIELDS: [(&str, bool); 40] = [
    (names::CLIENT_ADDR, true),
    (names::CLIENT_HOST, true),
    (names::CLIENT_PORT, true),
    (names::CLIENT_USERNAME, true),
    (names::DOWNSTREAM_CONTENT_SIZE, false),
    (names::DOWNSTREAM_STATUS, false),
    (names::DURATION, false),
    (names::GZIP_RATIO, false),
    (names::KUBERNETES_INGRESS_NAME, true),
    (names::KUBERNETES_INGRESS_NAMESPACE, true),
    (names::KUBERNETES_SERVICE_NAME, true),
    (names::KUBERNETES_SERVICE_PORT, true),
    (names::ORIGIN_CONTENT_SIZE, false),
    (names::ORIGIN_DURATION, false),
    (names::ORIGIN_STATUS, false),
    (names::OVERHEAD, false),
    (names::REQUEST_ADDR, true),
    (names::REQUEST_CONTENT_SIZE, false),
    (names::REQUEST_COUNT, false),
    (names::REQUEST_HOST, true),
    (names::REQUEST_METHOD, true),
    (names::REQUEST_PATH, true),
    (names::REQUEST_PORT, true),
    (names::REQUEST_PROTOCOL, true),
    (names::REQUEST_SCHEME, true),
    (names::RETRY_ATTEMPTS, false),
    (names::ROUTER_NAME, true),
    (names::SERVICE_ADDR, true),
    (names::SERVICE_NAME, true),
    (names::SERVICE_URL, true),
    (names::SPAN_ID_DEPRECATED, true),
    (names::START_LOCAL, true),
    (names::START_UTC, true),
    (names::TLS_CIPHER, true),
    (names::TLS_CLIENT_SUBJECT, true),
    (names::TLS_VERSION, true),
    (names::TRACE_ID_DEPRECATED, true),
    (names::ENTRY_POINT_NAME, true),
    (names::SPAN_ID, true),
    (names::TRACE_ID, true),
];

/// What is written, and how.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) format: AccessLogFormat,
    pub(super) keep_query: bool,
    pub(super) headers: HeaderPlan,
    filter: Option<Filter>,
    /// `,"level":"info","msg":""`.
    pub(super) level: Box<[u8]>,
    /// `,"time":"`.
    pub(super) time_key: Box<[u8]>,
    /// `,"Name":` for numbers, `,"Name":"` for texts; `None` for what is dropped.
    keys: [Option<Box<[u8]>>; FIELDS.len()],
}

impl Plan {
    pub(super) fn new(options: &Options) -> Result<Self, AccessLogError> {
        let by_name: HashMap<String, FieldMode> = options
            .fields
            .names
            .iter()
            .map(|(name, mode)| (name.to_ascii_lowercase(), *mode))
            .collect();
        let keys = FIELDS.map(|(name, is_text)| {
            let mode = by_name
                .get(&name.to_ascii_lowercase())
                .unwrap_or(&options.fields.default_mode);
            let quote = if is_text { "\"" } else { "" };
            (*mode == FieldMode::Keep).then(|| {
                format!(",\"{name}\":{quote}")
                    .into_bytes()
                    .into_boxed_slice()
            })
        });
        Ok(Self {
            format: options.format,
            keep_query: options.fields.query_parameters.default_mode == FieldMode::Keep,
            headers: HeaderPlan::new(options)?,
            filter: options
                .filters
                .as_ref()
                .map(Filter::new)
                .transpose()?
                .flatten(),
            level: format!(",\"{LEVEL}\":\"info\",\"msg\":\"\"")
                .into_bytes()
                .into(),
            time_key: format!(",\"{TIME}\":\"").into_bytes().into(),
            keys,
        })
    }

    /// The JSON key of a field, with the opening quote of a text behind it; `None` if the field is dropped.
    pub(super) fn key(&self, field: Field) -> Option<&[u8]> {
        self.keys.get(field as usize)?.as_deref()
    }

    /// Whether a field is written.
    pub(super) fn keeps(&self, field: Field) -> bool {
        self.key(field).is_some()
    }

    /// Whether a request is logged.
    pub(super) fn wants(&self, status: u16, retries: u32, duration: Duration) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.wants(status, retries, duration))
    }
}

/// Which headers are written.
#[derive(Debug)]
pub(super) struct HeaderPlan {
    default: HeaderMode,
    by_name: HashMap<HeaderName, HeaderMode>,
}

impl HeaderPlan {
    fn new(options: &Options) -> Result<Self, AccessLogError> {
        let by_name = options
            .fields
            .headers
            .names
            .iter()
            .map(|(name, mode)| match HeaderName::try_from(name) {
                Ok(header) => Ok((header, *mode)),
                Err(_) => Err(AccessLogError::HeaderName { name: name.clone() }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            default: options.fields.headers.default_mode,
            by_name,
        })
    }

    /// Whether any header can be written at all.
    pub(super) fn any(&self) -> bool {
        self.default != HeaderMode::Drop
            || self.by_name.values().any(|mode| *mode != HeaderMode::Drop)
    }

    /// What is done with a header.
    pub(super) fn mode(&self, name: &HeaderName) -> HeaderMode {
        self.by_name.get(name).copied().unwrap_or(self.default)
    }

    /// Calls `write` for each header that is not dropped.
    pub(super) fn each(&self, headers: &HeaderMap, mut write: impl FnMut(&HeaderName, HeaderMode)) {
        if self.default == HeaderMode::Drop {
            // The names are few, the headers many.
            for (name, mode) in &self.by_name {
                if *mode != HeaderMode::Drop && headers.contains_key(name) {
                    write(name, *mode);
                }
            }
        } else {
            for name in headers.keys() {
                let mode = self.mode(name);
                if mode != HeaderMode::Drop {
                    write(name, mode);
                }
            }
        }
    }
}

/// Which requests are logged; one condition is enough.
#[derive(Debug)]
struct Filter {
    codes: Vec<(u16, u16)>,
    retried: bool,
    min_duration: Duration,
}

impl Filter {
    /// `None` if there is no condition in it, which means that everything is logged.
    fn new(options: &AccessLogFilters) -> Result<Option<Self>, AccessLogError> {
        let codes = options
            .status_codes
            .iter()
            .map(|range| code_range(range))
            .collect::<Result<Vec<_>, _>>()?;
        let filter = Self {
            codes,
            retried: options.retry_attempts,
            min_duration: options.min_duration.0,
        };
        let is_empty = filter.codes.is_empty() && !filter.retried && filter.min_duration.is_zero();
        Ok((!is_empty).then_some(filter))
    }

    fn wants(&self, status: u16, retries: u32, duration: Duration) -> bool {
        self.codes
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&status))
            || (self.retried && retries > 0)
            || (!self.min_duration.is_zero() && duration > self.min_duration)
    }
}

fn code_range(text: &str) -> Result<(u16, u16), AccessLogError> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (low.trim().parse(), high.trim().parse()) {
        (Ok(low), Ok(high)) => Ok((low, high)),
        _ => Err(AccessLogError::StatusCodes {
            range: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pointsman_config::GoDuration;

    fn filter(codes: &[&str], retried: bool, min_duration: u64) -> Option<Filter> {
        Filter::new(&AccessLogFilters {
            min_duration: GoDuration::from_millis(min_duration),
            retry_attempts: retried,
            status_codes: codes.iter().map(|codes| (*codes).to_owned()).collect(),
        })
        .unwrap()
    }

    #[test]
    fn one_condition_is_enough() {
        let all = filter(&["200", "300-302"], true, 10).unwrap();
        let ms = Duration::from_millis;
        for (status, retries, duration, wanted) in [
            (200, 0, ms(1), true),
            (302, 0, ms(1), true),
            (303, 0, ms(1), false),
            (404, 1, ms(1), true),
            (404, 0, ms(10), false),
            (404, 0, ms(11), true),
        ] {
            assert_eq!(
                all.wants(status, retries, duration),
                wanted,
                "{status} {retries} {duration:?}"
            );
        }
        let codes = filter(&["500"], false, 0).unwrap();
        assert!(!codes.wants(200, 5, ms(1000)));
    }

    #[test]
    fn filters_without_a_condition_let_everything_pass() {
        assert!(filter(&[], false, 0).is_none());
    }

    #[test]
    fn the_fields_stand_in_the_order_of_their_names() {
        assert!(FIELDS.is_sorted_by_key(|(name, _)| *name));
        assert_eq!(FIELDS[Field::TraceId as usize].0, names::TRACE_ID);
        assert_eq!(
            FIELDS[Field::EntryPointName as usize].0,
            names::ENTRY_POINT_NAME
        );
        assert_eq!(FIELDS[Field::RouterName as usize].0, names::ROUTER_NAME);
    }
}
