//! Lines of the own log.

use std::borrow::Cow;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::Value;
use tracing::Level;

use crate::escape;
use crate::names::log as names;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Traefik's `common`: time, level, message, fields.
    Console { has_colours: bool },
    /// One JSON object.
    Json,
}

/// What a line says.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) level: Level,
    pub(super) time: SystemTime,
    /// File and line; only where details are asked for.
    pub(super) caller: Option<String>,
    pub(super) message: &'a str,
    /// In the order in which they were said.
    pub(super) fields: &'a [(Cow<'static, str>, Value)],
}

/// Traefik's name of a field.
pub(super) fn public_name(field: &'static str) -> Cow<'static, str> {
    let name = match field {
        "entry_point" => names::ENTRY_POINT_NAME,
        "router" => names::ROUTER_NAME,
        "middleware" => names::MIDDLEWARE_NAME,
        "provider" => names::PROVIDER_NAME,
        "service" => names::SERVICE_NAME,
        "server" => names::SERVER_NAME,
        other => return camel_case(other),
    };
    Cow::Borrowed(name)
}

impl Entry<'_> {
    /// The line, with its line end.
    pub(super) fn line(&self, format: Format, zone: &TimeZone) -> Vec<u8> {
        let time = rfc3339(self.time, zone);
        let mut out = Vec::with_capacity(256);
        match format {
            Format::Json => self.json(&time, &mut out),
            Format::Console { has_colours } => self.console(&time, &Paint(has_colours), &mut out),
        }
        out.push(b'\n');
        out
    }

    /// Traefik's order: level, fields, time, caller, message.
    fn json(&self, time: &str, out: &mut Vec<u8>) {
        let mut add = |name: &str, value: &Value| {
            out.push(if out.is_empty() { b'{' } else { b',' });
            text(out, name);
            out.push(b':');
            match value {
                Value::String(value) => text(out, value),
                other => out.extend_from_slice(other.to_string().as_bytes()),
            }
        };
        add(names::LEVEL, &level_name(self.level).into());
        for (name, value) in self.fields {
            // A second object member of that name would hide the first.
            if ![names::LEVEL, names::TIME, names::MESSAGE].contains(&&**name) {
                add(name, value);
            }
        }
        add(names::TIME, &time.into());
        if let Some(caller) = &self.caller {
            add("caller", &caller.as_str().into());
        }
        add(names::MESSAGE, &self.message.into());
        out.push(b'}');
    }

    fn console(&self, time: &str, paint: &Paint, out: &mut Vec<u8>) {
        let (abbreviation, colour) = level_mark(self.level);
        paint.with(out, GREY, |out| out.extend_from_slice(time.as_bytes()));
        out.push(b' ');
        paint.with(out, colour, |out| {
            out.extend_from_slice(abbreviation.as_bytes())
        });
        if let Some(caller) = &self.caller {
            out.push(b' ');
            paint.with(out, BOLD, |out| escape::message(out, caller));
            paint.with(out, CYAN, |out| out.extend_from_slice(b" >"));
        }
        if !self.message.is_empty() {
            out.push(b' ');
            let emphasis = if self.level <= Level::INFO {
                BOLD
            } else {
                PLAIN
            };
            paint.with(out, emphasis, |out| escape::message(out, self.message));
        }
        let mut fields: Vec<_> = self.fields.iter().collect();
        // The error first, the others by name.
        fields.sort_by_key(|(name, _)| (name != names::ERROR, name.as_ref()));
        for (name, value) in fields {
            let is_error = name == names::ERROR;
            out.push(b' ');
            paint.with(out, CYAN, |out| {
                escape::message(out, name);
                out.push(b'=');
            });
            paint.with(out, if is_error { RED } else { PLAIN }, |out| {
                word(out, value)
            });
        }
    }
}

const PLAIN: &str = "";
const BOLD: &str = "1";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const BLUE: &str = "34";
const CYAN: &str = "36";
const GREY: &str = "90";

/// Colours, if there are any.
struct Paint(bool);

impl Paint {
    fn with(&self, out: &mut Vec<u8>, colour: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.0 || colour.is_empty() {
            return write(out);
        }
        out.extend_from_slice(b"\x1b[");
        out.extend_from_slice(colour.as_bytes());
        out.push(b'm');
        write(out);
        out.extend_from_slice(b"\x1b[0m");
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape::json(out, text.as_bytes());
    out.push(b'"');
}

/// A value of a field: quoted where it would not be one word.
fn word(out: &mut Vec<u8>, value: &Value) {
    let Value::String(value) = value else {
        return escape::message(out, &value.to_string());
    };
    let is_word = value
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
    if is_word {
        out.extend_from_slice(value.as_bytes());
    } else {
        text(out, value);
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warn",
        Level::ERROR => "error",
    }
}

fn level_mark(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::TRACE => ("TRC", BLUE),
        Level::DEBUG => ("DBG", PLAIN),
        Level::INFO => ("INF", GREEN),
        Level::WARN => ("WRN", YELLOW),
        Level::ERROR => ("ERR", RED),
    }
}

/// Whole seconds in the local zone.
fn rfc3339(time: SystemTime, zone: &TimeZone) -> String {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    let time = Zoned::new(time, zone.clone());
    if time.offset().is_zero() {
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    } else {
        time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

fn camel_case(name: &'static str) -> Cow<'static, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut parts = name.split('_').filter(|part| !part.is_empty());
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        camel.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    Cow::Owned(camel)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn fields() -> Vec<(Cow<'static, str>, Value)> {
        vec![
            (public_name("router"), "shop@file".into()),
            (public_name("attempt_count"), 3.into()),
            (public_name("error"), "no \"way\"\r\n".into()),
        ]
    }

    fn entry<'a>(fields: &'a [(Cow<'static, str>, Value)]) -> Entry<'a> {
        Entry {
            level: Level::WARN,
            time: UNIX_EPOCH + Duration::from_millis(1_767_225_600_999),
            caller: None,
            message: "it said \"no\"\u{1b}[31m",
            fields,
        }
    }

    fn line(entry: &Entry<'_>, format: Format, hours: i8) -> String {
        let zone = TimeZone::fixed(jiff::tz::offset(hours));
        String::from_utf8(entry.line(format, &zone)).unwrap()
    }

    const PLAIN_CONSOLE: Format = Format::Console { has_colours: false };

    #[test]
    fn the_console_format_is_traefiks() {
        assert_eq!(
            line(&entry(&fields()), PLAIN_CONSOLE, 0),
            "2026-01-01T00:00:00Z WRN it said \"no\"\\u001b[31m error=\"no \\\"way\\\"\\r\\n\" attemptCount=3 \
             routerName=shop@file\n"
        );
    }

    #[test]
    fn json_has_traefiks_keys_in_its_order() {
        assert_eq!(
            line(&entry(&fields()), Format::Json, 2),
            "{\"level\":\"warn\",\"routerName\":\"shop@file\",\"attemptCount\":3,\
             \"error\":\"no \\\"way\\\"\\r\\n\",\"time\":\"2026-01-01T02:00:00+02:00\",\
             \"message\":\"it said \\\"no\\\"\\u001b[31m\"}\n"
        );
    }

    #[test]
    fn the_caller_stands_before_the_message_where_details_are_asked_for() {
        let entry = Entry {
            caller: Some("crates/net/src/accept.rs:7".to_owned()),
            level: Level::DEBUG,
            message: "hello",
            ..entry(&[])
        };
        assert_eq!(
            line(&entry, PLAIN_CONSOLE, 0),
            "2026-01-01T00:00:00Z DBG crates/net/src/accept.rs:7 > hello\n"
        );
        assert!(
            line(&entry, Format::Json, 0)
                .contains("\"caller\":\"crates/net/src/accept.rs:7\",\"message\"")
        );
    }

    #[test]
    fn colours_stand_around_the_parts() {
        let entry = Entry {
            message: "hello",
            ..entry(&[])
        };
        assert_eq!(
            line(&entry, Format::Console { has_colours: true }, 0),
            "\u{1b}[90m2026-01-01T00:00:00Z\u{1b}[0m \u{1b}[33mWRN\u{1b}[0m \u{1b}[1mhello\u{1b}[0m\n"
        );
    }

    #[test]
    fn fields_have_traefiks_names() {
        for (field, name) in [
            ("entry_point", "entryPointName"),
            ("service", "serviceName"),
            ("middleware", "middlewareName"),
            ("provider", "providerName"),
            ("server", "serverName"),
            ("config_generation", "configGeneration"),
            ("_x__y", "xY"),
            ("url", "url"),
        ] {
            assert_eq!(public_name(field), name);
        }
    }
}
