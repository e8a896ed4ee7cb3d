//! From `tracing` to lines.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Lines;
use super::format::{Entry, Format, public_name};

/// Crates of the router; others are quieter.
const OWN: &str = "pointsman";

/// Writes events, with the fields of the spans around them.
pub(super) struct LogLayer {
    pub(super) level: LevelFilter,
    pub(super) format: Format,
    pub(super) zone: TimeZone,
    pub(super) now: fn() -> SystemTime,
    pub(super) lines: Arc<dyn Lines>,
}

impl LogLayer {
    fn is_wanted(&self, metadata: &Metadata<'_>) -> bool {
        let is_own = metadata.target().starts_with(OWN);
        let level = if is_own || self.level == LevelFilter::TRACE {
            self.level
        } else {
            self.level.min(LevelFilter::WARN)
        };
        *metadata.level() <= level
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.is_wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Fields::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(fields) = span.extensions().get::<Fields>() {
                said.fields.extend(fields.fields.iter().cloned());
            }
        }
        event.record(&mut said);
        let metadata = event.metadata();
        let entry = Entry {
            level: *metadata.level(),
            time: (self.now)(),
            caller: (self.level >= LevelFilter::DEBUG).then(|| caller(metadata)),
            message: &said.message,
            fields: &said.fields,
        };
        self.lines.write(&entry.line(self.format, &self.zone));
    }
}

/// File and line; of other crates, whose files are anywhere, the module.
fn caller(metadata: &Metadata<'_>) -> String {
    let line = metadata.line().unwrap_or(0);
    match metadata.file() {
        Some(file) if !Path::new(file).is_absolute() => format!("{file}:{line}"),
        _ => format!("{}:{line}", metadata.target()),
    }
}

/// The fields of a span or an event. A field that is said twice has its last value.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    fields: Vec<(Cow<'static, str>, Value)>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        let name = public_name(field.name());
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.fields.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.set(field, value.into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Debug, Default)]
    struct Memory(Mutex<Vec<u8>>);

    impl Lines for Memory {
        fn write(&self, line: &[u8]) {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(line);
        }
    }

    /// What is written while `run` runs.
    fn written(level: LevelFilter, run: impl FnOnce()) -> Vec<String> {
        let memory = Arc::<Memory>::default();
        let layer = LogLayer {
            level,
            format: Format::Console { has_colours: false },
            zone: TimeZone::UTC,
            now: || SystemTime::UNIX_EPOCH,
            lines: Arc::clone(&memory) as Arc<dyn Lines>,
        };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), run);
        let text = memory.0.lock().unwrap().clone();
        String::from_utf8(text)
            .unwrap()
            .lines()
            .map(|line| {
                line.strip_prefix("1970-01-01T00:00:00Z ")
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn levels_below_the_wanted_one_are_not_written() {
        let say = || {
            tracing::error!("a");
            tracing::warn!("b");
            tracing::info!("c");
        };
        assert_eq!(written(LevelFilter::WARN, say), ["ERR a", "WRN b"]);
        assert_eq!(written(LevelFilter::OFF, say), [""; 0]);
    }

    #[test]
    fn fields_of_spans_stand_on_every_line_within() {
        let lines = written(LevelFilter::INFO, || {
            let outer = tracing::info_span!(
                "connection",
                entry_point = "web",
                router = tracing::field::Empty
            );
            let _outer = outer.enter();
            outer.record("router", "a@file");
            let inner = tracing::info_span!("request", service = %"s@file");
            let _inner = inner.enter();
            tracing::info!(entry_point = "other", count = 3_u64, is_last = true, "done");
        });
        assert_eq!(
            lines,
            [
                "INF done count=3 entryPointName=other isLast=true routerName=a@file serviceName=s@file"
            ]
        );
    }

    #[test]
    fn other_crates_are_heard_from_warnings_on() {
        let say = || {
            tracing::info!(target: "h2::frame", "a");
            tracing::warn!(target: "h2::frame", "b");
        };
        assert_eq!(written(LevelFilter::INFO, say), ["WRN b"]);
        assert_eq!(written(LevelFilter::TRACE, say).len(), 2);
    }

    #[test]
    fn the_place_in_the_code_is_shown_with_details_on() {
        let lines = written(LevelFilter::DEBUG, || tracing::debug!("here"));
        assert!(
            lines[0].starts_with("DBG ") && lines[0].ends_with(" > here"),
            "{lines:?}"
        );
        assert!(lines[0].contains("src/log/layer.rs:"), "{lines:?}");
    }
}
