//! Value types shared by the static and the dynamic configuration.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// A duration that reads and prints as Go's `time.Duration` (`1m30s`), and reads a bare integer as seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration(pub Duration);

impl GoDuration {
    /// A duration of whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// A duration of milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// `None` when zero, which is how Traefik's options say "no limit".
    pub fn non_zero(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

impl fmt::Display for GoDuration {
    /// As Go's `Duration.String`: `0s`, `1.5s`, `2m0s`, `1h0m0s`, `100ms`, `5µs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 1_000_000_000 {
            let (unit, scale) = match nanos {
                0..1_000 => ("ns", 1),
                1_000..1_000_000 => ("µs", 1_000),
                _ => ("ms", 1_000_000),
            };
            return write!(f, "{}{unit}", decimal(nanos, scale));
        }
        let seconds = nanos / 1_000_000_000;
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", decimal(nanos % 60_000_000_000, 1_000_000_000))
    }
}

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Neither a number nor numbers with units.
    #[error("is not a duration: write it as 1h2m3.5s, 500ms or a bare number of seconds")]
    Syntax,
    /// Below zero.
    #[error("is negative: a duration is at least 0")]
    Negative,
    /// More than Go's `Duration` holds, about 292 years.
    #[error("is more than the 292 years that a duration can hold")]
    TooLong,
}

impl FromStr for GoDuration {
    type Err = DurationError;

    /// Reads Go's `ParseDuration` syntax, or a bare integer of seconds.
    ///
    /// differs from traefik: a negative duration is refused; no option of this type has a meaning for it.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let negative = text.starts_with('-');
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let nanos = match digits.parse::<u64>() {
            Ok(seconds) if !digits.starts_with('+') => u128::from(seconds) * 1_000_000_000,
            _ => parse_units(digits)?,
        };
        if negative && nanos > 0 {
            return Err(DurationError::Negative);
        }
        match i64::try_from(nanos) {
            Ok(nanos) => Ok(Self(Duration::from_nanos(nanos.unsigned_abs()))),
            Err(_) => Err(DurationError::TooLong),
        }
    }
}

/// The nanoseconds of `1h2m3.5s`.
fn parse_units(text: &str) -> Result<u128, DurationError> {
    let mut rest = text;
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or(DurationError::Syntax)?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale: u128 = match unit {
            "ns" => 1,
            // U+00B5 and U+03BC, as Go takes both.
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(DurationError::Syntax),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(DurationError::Syntax);
        }
        let whole: u128 = match whole {
            "" => 0,
            digits => digits.parse().map_err(|_| DurationError::TooLong)?,
        };
        nanos = whole
            .checked_mul(scale)
            .and_then(|n| n.checked_add(nanos))
            .ok_or(DurationError::TooLong)?;
        let mut place = scale;
        for digit in fraction.chars().filter_map(|c| c.to_digit(10)) {
            // 3 600 000 000 000 has 13 digits; what lies below a nanosecond is cut off, as Go does.
            nanos = nanos
                .checked_add(u128::from(digit) * place / 10)
                .ok_or(DurationError::TooLong)?;
            place /= 10;
        }
        rest = tail;
    }
    if text.is_empty() {
        Err(DurationError::Syntax)
    } else {
        Ok(nanos)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A value that must not reach logs, error texts or dumps. It serialises as `xxxx`, as Traefik's redaction does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The hidden value, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("xxxx")
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("xxxx")
    }
}

/// `value / scale` without trailing zeros, as Go prints fractions of a unit.
fn decimal(value: u128, scale: u128) -> String {
    let whole = value / scale;
    let fraction = value % scale;
    if fraction == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_go_prints_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (100_000_000, "100ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (120_000_000_000, "2m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (3_661_001_000_000, "1h1m1.001s"),
        ] {
            assert_eq!(GoDuration(Duration::from_nanos(nanos)).to_string(), text);
        }
    }

    #[test]
    fn durations_read_as_go_reads_them_and_bare_numbers_are_seconds() {
        for (text, nanos) in [
            ("0", 0),
            ("90", 90_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("100ms", 100_000_000),
            ("2us", 2_000),
            ("2µs", 2_000),
            ("0.0000000019s", 1),
            ("-0s", 0),
            ("+3s", 3_000_000_000),
        ] {
            assert_eq!(
                text.parse(),
                Ok(GoDuration(Duration::from_nanos(nanos))),
                "{text}"
            );
        }
        for (text, error) in [
            ("", DurationError::Syntax),
            ("s", DurationError::Syntax),
            ("1 s", DurationError::Syntax),
            ("1.2.3s", DurationError::Syntax),
            ("3x", DurationError::Syntax),
            ("1.5", DurationError::Syntax),
            ("++3", DurationError::Syntax),
            ("-5s", DurationError::Negative),
            ("300000000h", DurationError::TooLong),
            (
                "99999999999999999999999999999999999999999999s",
                DurationError::TooLong,
            ),
        ] {
            assert_eq!(text.parse::<GoDuration>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_secret_shows_itself_nowhere() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "xxxx");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"xxxx\"");
        assert_eq!(*secret.expose(), "hunter2");
    }
}
