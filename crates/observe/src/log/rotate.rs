//! A log file that is put aside when it has grown: `pointsman-2026-01-31T23-59-59.123.log.gz`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::Lines;

/// When a file is put aside, and how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes that a file may have. Traefik: `maxSize`.
    pub(super) bytes: u64,
    /// Files that are kept; 0 = all. Traefik: `maxBackups`.
    pub(super) backups: usize,
    /// Days that files are kept; 0 = for ever. Traefik: `maxAge`.
    pub(super) days: u32,
}

/// Between date and time there is no colon, which not every file system takes.
const STAMP: &str = "%Y-%m-%dT%H-%M-%S.%3f";

/// A file of lines, and those before it.
#[derive(Debug)]
pub(super) struct RotatedFile {
    place: Place,
    limits: Limits,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
    /// Packs and removes what was put aside.
    cleaner: Option<JoinHandle<()>>,
}

impl RotatedFile {
    /// Opens the file at its end; makes it and its folder where they are missing.
    pub(super) fn open(path: PathBuf, limits: Limits) -> io::Result<Self> {
        let place = Place::new(path);
        if !place.folder.as_os_str().is_empty() {
            fs::create_dir_all(&place.folder)?;
        }
        let (file, bytes) = place.open()?;
        Ok(Self {
            place,
            limits,
            open: Mutex::new(Open {
                file,
                bytes,
                cleaner: None,
            }),
        })
    }

    fn write_at(&self, line: &[u8], now: SystemTime) -> io::Result<()> {
        let mut open = self.lock();
        let length = line.len() as u64;
        if open.bytes > 0 && open.bytes.saturating_add(length) > self.limits.bytes {
            self.rotate(&mut open, now)?;
        }
        open.file.write_all(line)?;
        open.bytes += length;
        Ok(())
    }

    fn rotate(&self, open: &mut Open, now: SystemTime) -> io::Result<()> {
        // The one before has had a whole file's time; waiting here keeps it to one.
        if let Some(cleaner) = open.cleaner.take() {
            let _ = cleaner.join();
        }
        fs::rename(&self.place.path, self.place.free_backup(now))?;
        (open.file, open.bytes) = self.place.open()?;
        let (place, limits) = (self.place.clone(), self.limits);
        open.cleaner = thread::Builder::new()
            .name("log-rotation".to_owned())
            .spawn(move || place.clean(limits, now))
            .ok();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines for RotatedFile {
    fn write(&self, line: &[u8]) {
        // There is nobody left to tell but standard error, which may be the same full disk.
        if let Err(error) = self.write_at(line, SystemTime::now()) {
            let _ = writeln!(
                io::stderr(),
                "log: {} can't be written: {error}",
                self.place.path.display()
            );
        }
    }

    fn reopen(&self) -> io::Result<()> {
        let opened = self.place.open()?;
        let mut open = self.lock();
        (open.file, open.bytes) = opened;
        Ok(())
    }
}

impl Drop for RotatedFile {
    fn drop(&mut self) {
        if let Some(cleaner) = self.lock().cleaner.take() {
            let _ = cleaner.join();
        }
    }
}

/// Where the files are, and how they are called.
#[derive(Debug, Clone)]
struct Place {
    path: PathBuf,
    folder: PathBuf,
    /// `pointsman-`.
    prefix: String,
    /// `.log`.
    suffix: String,
}

/// A file that was put aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Backup {
    time: DateTime,
    is_packed: bool,
    path: PathBuf,
}

impl Place {
    fn new(path: PathBuf) -> Self {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.unwrap_or_default().to_string_lossy().into_owned()
        };
        let suffix = path
            .extension()
            .map(|extension| format!(".{}", extension.to_string_lossy()));
        Self {
            folder: path.parent().map(Path::to_owned).unwrap_or_default(),
            prefix: format!("{}-", text(path.file_stem())),
            suffix: suffix.unwrap_or_default(),
            path,
        }
    }

    fn open(&self) -> io::Result<(File, u64)> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    }

    /// A name for what is put aside now, that nobody has.
    fn free_backup(&self, now: SystemTime) -> PathBuf {
        let mut time = now;
        loop {
            let stamp = utc(time).strftime(STAMP).to_string();
            let backup = self
                .folder
                .join(format!("{}{stamp}{}", self.prefix, self.suffix));
            if !backup.exists() && !packed(&backup).exists() {
                return backup;
            }
            time += Duration::from_millis(1);
        }
    }

    /// Removes what is too old or too much, and packs the rest.
    fn clean(&self, limits: Limits, now: SystemTime) {
        let oldest = (limits.days > 0).then(|| {
            let age = Duration::from_secs(u64::from(limits.days) * 24 * 3600);
            utc(now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH))
        });
        let mut backups = self.backups();
        // Newest first; what is packed and what was left half packed count once.
        backups.sort_by(|a, b| b.cmp(a));
        let mut times: Vec<DateTime> = Vec::new();
        for backup in backups {
            if times.last() != Some(&backup.time) {
                times.push(backup.time);
            }
            let is_too_much = limits.backups > 0 && times.len() > limits.backups;
            let is_too_old = oldest.is_some_and(|oldest| backup.time < oldest);
            let result = if is_too_much || is_too_old {
                fs::remove_file(&backup.path)
            } else if backup.is_packed {
                Ok(())
            } else {
                pack(&backup.path)
            };
            if let Err(error) = result {
                let _ = writeln!(io::stderr(), "log: {}: {error}", backup.path.display());
            }
        }
    }

    fn backups(&self) -> Vec<Backup> {
        let folder = if self.folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &self.folder
        };
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| self.backup(&entry.path()))
            .collect()
    }

    fn backup(&self, path: &Path) -> Option<Backup> {
        let name = path.file_name()?.to_str()?;
        let plain = name.strip_suffix(".gz").unwrap_or(name);
        let stamp = plain
            .strip_prefix(&self.prefix)?
            .strip_suffix(&self.suffix)?;
        Some(Backup {
            time: DateTime::strptime(STAMP, stamp).ok()?,
            is_packed: plain != name,
            path: path.to_owned(),
        })
    }
}

fn packed(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    name.into()
}

/// Packs a file. It stays until all of it is packed.
fn pack(path: &Path) -> io::Result<()> {
    let target = packed(path);
    let result = File::open(path).and_then(|mut from| {
        let mut encoder = GzEncoder::new(File::create(&target)?, Compression::default());
        io::copy(&mut from, &mut encoder)?;
        encoder.finish()?.sync_all()
    });
    if let Err(error) = result {
        let _ = fs::remove_file(&target);
        return Err(error);
    }
    fs::remove_file(path)
}

fn utc(time: SystemTime) -> DateTime {
    Offset::UTC.to_datetime(Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    const DAY: u64 = 24 * 3600;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + seconds)
    }

    /// Names in the folder, sorted.
    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn limits(bytes: u64, backups: usize, days: u32) -> Limits {
        Limits {
            bytes,
            backups,
            days,
        }
    }

    #[test]
    fn a_file_that_would_grow_too_large_is_put_aside_and_packed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/own.log");
        let file = RotatedFile::open(path.clone(), limits(10, 0, 0)).unwrap();
        for (second, line) in [(0, "12345\n"), (1, "abc\n"), (2, "next\n")] {
            file.write_at(line.as_bytes(), at(second)).unwrap();
        }
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "next\n");
        let folder = path.parent().unwrap();
        assert_eq!(
            names(folder),
            ["own-2026-01-01T00-00-02.000.log.gz", "own.log"]
        );
        let mut text = String::new();
        let packed = File::open(folder.join("own-2026-01-01T00-00-02.000.log.gz")).unwrap();
        GzDecoder::new(packed).read_to_string(&mut text).unwrap();
        assert_eq!(text, "12345\nabc\n");
    }

    #[test]
    fn the_newest_backups_are_kept_and_strange_files_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.log");
        for strange in [
            "own-notes.log",
            "other-2026-01-01T00-00-00.000.log",
            "own-2026-01-01T00-00-00.000.txt",
        ] {
            fs::write(folder.path().join(strange), "x").unwrap();
        }
        let file = RotatedFile::open(path, limits(1, 2, 0)).unwrap();
        for second in 0..5 {
            file.write_at(b"line\n", at(second)).unwrap();
        }
        drop(file);
        assert_eq!(
            names(folder.path()),
            [
                "other-2026-01-01T00-00-00.000.log",
                "own-2026-01-01T00-00-00.000.txt",
                "own-2026-01-01T00-00-03.000.log.gz",
                "own-2026-01-01T00-00-04.000.log.gz",
                "own-notes.log",
                "own.log",
            ]
        );
    }

    #[test]
    fn backups_that_are_too_old_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = RotatedFile::open(folder.path().join("own.log"), limits(1, 0, 3)).unwrap();
        for day in [0, 1, 5, 6] {
            file.write_at(b"line\n", at(day * DAY)).unwrap();
        }
        drop(file);
        assert_eq!(
            names(folder.path()),
            [
                "own-2026-01-06T00-00-00.000.log.gz",
                "own-2026-01-07T00-00-00.000.log.gz",
                "own.log"
            ]
        );
    }

    #[test]
    fn two_files_of_one_millisecond_have_two_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = RotatedFile::open(folder.path().join("own.log"), limits(1, 0, 0)).unwrap();
        for _ in 0..3 {
            file.write_at(b"line\n", at(0)).unwrap();
        }
        drop(file);
        assert_eq!(
            names(folder.path()),
            [
                "own-2026-01-01T00-00-00.000.log.gz",
                "own-2026-01-01T00-00-00.001.log.gz",
                "own.log"
            ]
        );
    }

    #[test]
    fn a_file_of_before_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.log");
        fs::write(&path, "before\n").unwrap();
        let file = RotatedFile::open(path.clone(), limits(100, 0, 0)).unwrap();
        file.write_at(b"after\n", at(0)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter\n");
    }

    #[test]
    fn reopening_goes_on_in_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.log");
        let file = RotatedFile::open(path.clone(), limits(100, 0, 0)).unwrap();
        file.write(b"one\n");
        fs::rename(&path, folder.path().join("moved")).unwrap();
        file.reopen().unwrap();
        file.write(b"two\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(
            fs::read_to_string(folder.path().join("moved")).unwrap(),
            "one\n"
        );
    }
}
