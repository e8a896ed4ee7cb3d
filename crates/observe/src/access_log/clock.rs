//! Times as log lines show them; made once per second.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::escape::number;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The texts of one second.
#[derive(Debug)]
pub(super) struct Clock {
    zone: TimeZone,
    second: Option<u64>,
    /// `2026-01-31T23:59:59`.
    utc: String,
    local: String,
    /// `Z` or `+01:00`.
    offset: String,
    /// `31/Jan/2026:23:59:59 +0000`.
    common_utc: String,
    common_local: String,
}

impl Clock {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            second: None,
            utc: String::new(),
            local: String::new(),
            offset: String::new(),
            common_utc: String::new(),
            common_local: String::new(),
        }
    }

    /// Makes the texts of the second of `time`, and gives the nanoseconds within it.
    pub(super) fn set(&mut self, time: SystemTime) -> u32 {
        // Before 1970 only on a machine without a clock.
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        if self.second != Some(since.as_secs()) {
            self.make(since.as_secs());
        }
        since.subsec_nanos()
    }

    /// RFC 3339 in UTC, with the fraction of the second that Go's `RFC3339Nano` has.
    pub(super) fn utc(&self, out: &mut Vec<u8>, nanos: u32) {
        out.extend_from_slice(self.utc.as_bytes());
        fraction(out, nanos);
        out.push(b'Z');
    }

    /// The same in the local zone.
    pub(super) fn local(&self, out: &mut Vec<u8>, nanos: u32) {
        out.extend_from_slice(self.local.as_bytes());
        fraction(out, nanos);
        out.extend_from_slice(self.offset.as_bytes());
    }

    /// `31/Jan/2026:23:59:59 +0000`.
    pub(super) fn common_utc(&self) -> &str {
        &self.common_utc
    }

    /// The same in the local zone.
    pub(super) fn common_local(&self) -> &str {
        &self.common_local
    }

    fn make(&mut self, second: u64) {
        self.second = Some(second);
        let timestamp = i64::try_from(second)
            .ok()
            .and_then(|second| Timestamp::from_second(second).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH);
        let offset = self.zone.to_offset(timestamp);
        (self.utc, self.common_utc) = texts(timestamp, Offset::UTC);
        (self.local, self.common_local) = texts(timestamp, offset);
        self.offset = match offset.seconds() {
            0 => "Z".to_owned(),
            _ => offset_text(offset, ":"),
        };
    }
}

fn texts(timestamp: Timestamp, offset: Offset) -> (String, String) {
    let time = offset.to_datetime(timestamp);
    let (year, month, day) = (time.year(), time.month(), time.day());
    let clock = format!(
        "{:02}:{:02}:{:02}",
        time.hour(),
        time.minute(),
        time.second()
    );
    let name = usize::try_from(month - 1)
        .ok()
        .and_then(|month| MONTHS.get(month))
        .unwrap_or(&"Jan");
    (
        format!("{year:04}-{month:02}-{day:02}T{clock}"),
        format!(
            "{day:02}/{name}/{year:04}:{clock} {}",
            offset_text(offset, "")
        ),
    )
}

fn offset_text(offset: Offset, between: &str) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
}

/// `.123`, without zeros at the end; nothing for a whole second.
fn fraction(out: &mut Vec<u8>, nanos: u32) {
    if nanos == 0 {
        return;
    }
    // Nine digits and a one before them keep the leading zeros.
    let at = out.len();
    number(out, 1_000_000_000 + nanos);
    if let Some(first) = out.get_mut(at) {
        *first = b'.';
    }
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: TimeZone, seconds: u64, nanos: u32) -> [String; 4] {
        let mut clock = Clock::new(zone);
        let nanos = clock.set(UNIX_EPOCH + Duration::new(seconds, nanos));
        let (mut utc, mut local) = (Vec::new(), Vec::new());
        clock.utc(&mut utc, nanos);
        clock.local(&mut local, nanos);
        [
            String::from_utf8(utc).unwrap(),
            String::from_utf8(local).unwrap(),
            clock.common_utc().to_owned(),
            clock.common_local().to_owned(),
        ]
    }

    #[test]
    fn times_look_as_go_prints_them() {
        assert_eq!(
            at(TimeZone::UTC, 1_767_225_599, 0),
            [
                "2025-12-31T23:59:59Z",
                "2025-12-31T23:59:59Z",
                "31/Dec/2025:23:59:59 +0000",
                "31/Dec/2025:23:59:59 +0000"
            ]
        );
        let kathmandu = TimeZone::fixed(Offset::from_seconds(20_700).unwrap());
        assert_eq!(
            at(kathmandu, 1_767_225_599, 1_050_000),
            [
                "2025-12-31T23:59:59.00105Z",
                "2026-01-01T05:44:59.00105+05:45",
                "31/Dec/2025:23:59:59 +0000",
                "01/Jan/2026:05:44:59 +0545"
            ]
        );
        let west = TimeZone::fixed(Offset::from_seconds(-12_600).unwrap());
        assert_eq!(at(west, 0, 0)[1], "1969-12-31T20:30:00-03:30");
    }
}
