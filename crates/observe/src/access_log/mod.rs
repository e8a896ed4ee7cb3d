//! The access log: one line per request, in Traefik's formats.
//!
//! A worker formats a line straight into its buffer; one thread writes the buffers (`sink.rs`). With `bufferingSize`
//! 0, the default, no line is lost: a worker whose buffer is full waits for the disk. A larger `bufferingSize` says
//! how many lines of each worker may wait, at least 1 MiB and at most 16 MiB of them; further ones are lost and
//! counted, and no request ever waits for the disk.
//!
//! differs from traefik: with `bufferingSize` 0 it writes each line itself before the next request of the connection,
//! at the cost of a system call; here a line reaches the file some milliseconds later. With a larger `bufferingSize`
//! it waits when the buffer is full.

mod clock;
mod format;
mod plan;
mod sink;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use jiff::tz::TimeZone;
use pointsman_config::static_::observability::AccessLog as Options;

pub use format::{LogOrigin, LogRecord, LogTls, LogTrace};
pub use sink::AccessLogStats;

use format::Formatter;
use plan::Plan;
use sink::{Buffer, Output, Sink, WhenFull};

/// Why there can't be an access log.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogError {
    /// A filter is no status code and no range.
    #[error(
        "accessLog.filters.statusCodes: {range:?} is neither a status code nor a range such as 500-599"
    )]
    StatusCodes {
        /// The filter.
        range: String,
    },
    /// A header has an impossible name.
    #[error(
        "accessLog.fields.headers.names: {name:?} is not the name of a header: use letters, digits and hyphens"
    )]
    HeaderName {
        /// The name.
        name: String,
    },
    /// The file can't be opened.
    #[error("accessLog.filePath: {path} can't be opened for writing")]
    Open {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The thread that writes can't be started.
    #[error("the thread of the access log can't be started")]
    Thread(#[source] io::Error),
}

/// The access log of the process. Cheap to clone; lives on the control side.
#[derive(Debug, Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    plan: Arc<Plan>,
    zone: TimeZone,
    path: Option<PathBuf>,
    requests: Arc<AtomicU64>,
    sink: Arc<Sink>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl AccessLog {
    /// Opens the access log with the options of `accessLog`, and starts its thread. Local times are in the system's
    /// time zone.
    ///
    /// # Errors
    /// Options that can't be, or a file that can't be opened.
    pub fn new(options: &Options) -> Result<Self, AccessLogError> {
        Self::with_time_zone(options, TimeZone::system())
    }

    /// As [`new`](Self::new), with another time zone.
    ///
    /// # Errors
    /// Options that can't be, or a file that can't be opened.
    pub fn with_time_zone(options: &Options, zone: TimeZone) -> Result<Self, AccessLogError> {
        let plan = Arc::new(Plan::new(options)?);
        let path = (!options.file_path.is_empty()).then(|| PathBuf::from(&options.file_path));
        let output = match &path {
            None => Output::Stdout,
            Some(_) => {
                Output::open(options.file_path.as_ref()).map_err(|source| AccessLogError::Open {
                    path: options.file_path.clone(),
                    source,
                })?
            }
        };
        let when_full = match usize::try_from(options.buffering_size).unwrap_or(usize::MAX) {
            0 => WhenFull::Wait,
            lines => WhenFull::Drop(lines),
        };
        let (sink, writer) = Sink::start(output, when_full).map_err(AccessLogError::Thread)?;
        Ok(Self {
            shared: Arc::new(Shared {
                plan,
                zone,
                path,
                requests: Arc::default(),
                sink,
                writer: Mutex::new(Some(writer)),
            }),
        })
    }

    /// The part of a worker thread; call it on that thread, once.
    pub fn worker(&self) -> WorkerAccessLog {
        WorkerAccessLog {
            plan: Arc::clone(&self.shared.plan),
            requests: Arc::clone(&self.shared.requests),
            sink: Arc::clone(&self.shared.sink),
            buffer: self.shared.sink.buffer(),
            formatter: RefCell::new(Formatter::new(&self.shared.zone)),
            local: PhantomData,
        }
    }

    /// Opens the file anew, for who moved it away (SIGUSR1). Lines from before may still go into the new file. Does
    /// nothing for standard output.
    ///
    /// # Errors
    /// The file can't be opened; the former one stays in use.
    pub fn reopen(&self) -> Result<(), AccessLogError> {
        if let Some(path) = &self.shared.path {
            let output = Output::open(path).map_err(|source| AccessLogError::Open {
                path: path.display().to_string(),
                source,
            })?;
            self.shared.sink.replace_output(output);
        }
        Ok(())
    }

    /// Waits until every line that was logged before is written.
    pub fn flush(&self) {
        self.shared.sink.flush();
    }

    /// What was lost, for the metrics.
    pub fn stats(&self) -> Arc<AccessLogStats> {
        Arc::clone(&self.shared.sink.stats)
    }

    /// Writes what there is and ends the thread. What is logged afterwards is lost.
    pub fn shutdown(&self) {
        self.shared.shutdown();
    }
}

impl Shared {
    fn shutdown(&self) {
        self.sink.stop();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the thread of the access log panicked: lines were lost");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// The access log of one worker thread; does not leave it.
pub struct WorkerAccessLog {
    plan: Arc<Plan>,
    requests: Arc<AtomicU64>,
    sink: Arc<Sink>,
    buffer: Arc<Buffer>,
    formatter: RefCell<Formatter>,
    local: PhantomData<Rc<()>>,
}

impl WorkerAccessLog {
    /// Whether headers are written, so that those of the origin have to be kept.
    pub fn wants_headers(&self) -> bool {
        self.plan.headers.any()
    }

    /// Logs a request, unless the filters leave it out.
    pub fn log(&self, record: &LogRecord<'_>) {
        let count = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if !self
            .plan
            .wants(record.status, record.retries, record.duration)
        {
            return;
        }
        let mut formatter = self.formatter.borrow_mut();
        self.sink.append(&self.buffer, |out| {
            formatter.line(&self.plan, record, count, out);
        });
    }
}

impl fmt::Debug for WorkerAccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerAccessLog").finish_non_exhaustive()
    }
}
