//! The own log, in Traefik's formats.
//!
//! Whoever has something to say uses `tracing`; [`OwnLog::install`] decides what is written, how and where. Fields get
//! Traefik's names: `router` is written as `routerName`, `entry_point` as `entryPointName`, other fields in camel case.

mod format;
mod layer;
mod rotate;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use pointsman_config::static_::observability::{Log as Options, LogFormat, LogLevel};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use layer::LogLayer;
use rotate::RotatedFile;

/// Why there can't be a log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file can't be opened.
    #[error("log.filePath: {path} can't be opened for writing")]
    Open {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The process has a log already.
    #[error("the log is set up already: set it up once")]
    Installed,
}

/// The log of the process.
#[derive(Debug, Clone)]
pub struct OwnLog {
    lines: Arc<dyn Lines>,
}

impl OwnLog {
    /// Sets the log up for the whole process with the options of `log`.
    ///
    /// With the levels `FATAL` and `PANIC` nothing is written while the process runs: what ends it goes to standard
    /// error in any case. Other crates' messages are written from `WARN` on; with `TRACE`, all of them.
    ///
    /// differs from traefik: colours are written to terminals only.
    ///
    /// # Errors
    /// The file can't be opened, or there is a log already.
    pub fn install(options: &Options) -> Result<Self, LogError> {
        let lines = lines(options)?;
        let is_terminal = options.file_path.is_empty() && io::stdout().is_terminal();
        let layer = LogLayer {
            level: level(options.level),
            format: match options.format {
                LogFormat::Json => format::Format::Json,
                LogFormat::Common => format::Format::Console {
                    has_colours: is_terminal && !options.no_color,
                },
            },
            zone: TimeZone::system(),
            now: std::time::SystemTime::now,
            lines: Arc::clone(&lines),
        };
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Installed)?;
        Ok(Self { lines })
    }

    /// Opens the file anew, for who moved it away (SIGUSR1). Does nothing for standard output.
    ///
    /// # Errors
    /// The file can't be opened; the former one stays in use.
    pub fn reopen(&self) -> io::Result<()> {
        self.lines.reopen()
    }
}

/// Where lines go.
trait Lines: std::fmt::Debug + Send + Sync {
    /// Writes a line with its line end. What can't be written is lost.
    fn write(&self, line: &[u8]);

    /// Opens the file anew.
    fn reopen(&self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Stdout;

impl Lines for Stdout {
    fn write(&self, line: &[u8]) {
        // There is nobody left to tell.
        let _ = io::stdout().lock().write_all(line);
    }
}

fn lines(options: &Options) -> Result<Arc<dyn Lines>, LogError> {
    if options.file_path.is_empty() {
        return Ok(Arc::new(Stdout));
    }
    let limits = rotate::Limits {
        // Traefik: megabytes, and 100 of them where nothing is said.
        bytes: u64::from(if options.max_size == 0 {
            100
        } else {
            options.max_size
        }) << 20,
        backups: options.max_backups as usize,
        days: options.max_age,
    };
    match RotatedFile::open(PathBuf::from(&options.file_path), limits) {
        Ok(file) => Ok(Arc::new(file)),
        Err(source) => Err(LogError::Open {
            path: options.file_path.clone(),
            source,
        }),
    }
}

const fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Fatal | LogLevel::Panic => LevelFilter::OFF,
    }
}
