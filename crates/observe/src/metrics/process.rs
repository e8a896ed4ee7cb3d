//! What the process uses, from `/proc`.

use std::fs;
use std::path::Path;

/// What the process uses. Names of the metrics: Prometheus' process collector.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ProcessUsage {
    /// CPU seconds, user and system.
    pub cpu_seconds: f64,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
    /// Virtual memory in bytes.
    pub virtual_bytes: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// Most file descriptors that may be open; `None` = no limit.
    pub max_fds: Option<u64>,
    /// When the process began, in seconds since 1970.
    pub start_time_seconds: f64,
}

impl ProcessUsage {
    /// Reads `/proc`; `None` where there is none. Blocks for some microseconds: not for a worker thread.
    pub fn read() -> Option<Self> {
        let text = |path: &str| fs::read_to_string(Path::new("/proc").join(path)).ok();
        let open_fds = fs::read_dir("/proc/self/fd").ok()?.count();
        let usage = Self::parse(
            &text("self/stat")?,
            &text("self/status")?,
            &text("self/limits")?,
            &text("stat")?,
            rustix::param::clock_ticks_per_second(),
        )?;
        Some(Self {
            // The listing itself held one open.
            open_fds: (open_fds as u64).saturating_sub(1),
            ..usage
        })
    }

    fn parse(stat: &str, status: &str, limits: &str, system: &str, ticks: u64) -> Option<Self> {
        // proc(5): the name in parentheses may hold blanks; what follows it begins with field 3.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = ticks.max(1) as f64;
        let kilobytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_ascii_whitespace().next()?.parse::<u64>().ok()
        };
        let max_fds = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?
            .split_ascii_whitespace()
            .next()?
            .parse()
            .ok();
        let boot: u64 = system
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .trim()
            .parse()
            .ok()?;
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) as f64 / ticks,
            resident_bytes: kilobytes("VmRSS:")? * 1024,
            virtual_bytes: kilobytes("VmSize:")? * 1024,
            open_fds: 0,
            max_fds,
            start_time_seconds: boot as f64 + field(22)? as f64 / ticks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "7 (a b) c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 12345 9 8 \
                        18446744073709551615 0 0\n";
    const STATUS: &str = "Name:\ta b\nVmSize:\t    2048 kB\nVmRSS:\t    1024 kB\n";
    const SYSTEM: &str = "cpu 1 2 3\nbtime 1700000000\n";

    #[test]
    fn usage_is_read_from_the_files_of_proc() {
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        let usage = ProcessUsage::parse(STAT, STATUS, limits, SYSTEM, 100).unwrap();
        assert_eq!(
            usage,
            ProcessUsage {
                cpu_seconds: 2.0,
                resident_bytes: 1_048_576,
                virtual_bytes: 2_097_152,
                open_fds: 0,
                max_fds: Some(1024),
                start_time_seconds: 1_700_000_123.45,
            }
        );
    }

    #[test]
    fn no_limit_of_descriptors_is_no_number() {
        let limits = "Max open files            unlimited            unlimited            files\n";
        let usage = ProcessUsage::parse(STAT, STATUS, limits, SYSTEM, 100).unwrap();
        assert_eq!(usage.max_fds, None);
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let usage = ProcessUsage::read().unwrap();
        assert!(usage.resident_bytes > 0 && usage.open_fds > 0 && usage.start_time_seconds > 1e9);
    }
}
