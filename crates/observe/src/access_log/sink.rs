//! From the workers' buffers to the file, by one thread.
//!
//! Each worker appends to a buffer of its own; the writer takes all buffers in turn and writes them in large pieces.
//! It sleeps only when there is nothing to write, and is woken by the first line; under load it comes round every few
//! milliseconds, so that a worker neither makes a system call per line nor wakes another thread.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that one worker may have waiting, whatever the number of lines. A longer line goes into an empty buffer.
const MAX_BYTES: usize = 1 << 20;

/// The most that one worker may have waiting in the buffered mode.
const MAX_BUFFERED_BYTES: usize = 16 << 20;

/// The writer is woken for so many bytes; few enough to be in the processor's cache still when they are written.
const WAKE_BYTES: usize = 64 << 10;

/// A buffer that has grown beyond this is not kept.
const KEEP_BYTES: usize = MAX_BYTES + WAKE_BYTES;

/// How long lines are gathered under load.
const LINGER: Duration = Duration::from_millis(5);

/// What the access log lost.
#[derive(Debug, Default)]
pub struct AccessLogStats {
    dropped_lines: AtomicU64,
    write_errors: AtomicU64,
}

impl AccessLogStats {
    /// Lines that found the buffer full; only with `bufferingSize`.
    pub fn dropped_lines(&self) -> u64 {
        self.dropped_lines.load(Ordering::Relaxed)
    }

    /// Writes that failed; the lines of each are lost.
    pub fn write_errors(&self) -> u64 {
        self.write_errors.load(Ordering::Relaxed)
    }
}

/// Where lines end.
#[derive(Debug)]
pub(super) enum Output {
    Stdout,
    File(File),
}

impl Output {
    /// Opens a file at its end; makes it and its folder where they are missing.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self::File(file))
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(lines)?;
                stdout.flush()
            }
            Self::File(file) => file.write_all(lines),
        }
    }
}

/// What happens to a line that finds its worker's buffer full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// The worker waits: no line is ever lost, and a stalled disk stalls requests.
    Wait,
    /// The line is lost and counted. So many lines may wait, and more while they are short: a small number must not
    /// lose lines that the writer has not come round to yet.
    Drop(usize),
}

/// What workers, writer and control side share.
#[derive(Debug)]
pub(super) struct Sink {
    when_full: WhenFull,
    buffers: Mutex<Vec<Arc<Buffer>>>,
    control: Mutex<Control>,
    changed: Condvar,
    /// Whether the writer sleeps until it is woken.
    is_idle: AtomicBool,
    writer: OnceLock<thread::Thread>,
    pub(super) stats: Arc<AccessLogStats>,
}

#[derive(Debug, Default)]
struct Control {
    new_output: Option<Output>,
    flushes_asked: u64,
    flushes_done: u64,
    is_stopping: bool,
    has_ended: bool,
}

#[derive(Debug, Default)]
pub(super) struct Buffer {
    lines: Mutex<Lines>,
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    count: usize,
    is_closed: bool,
}

impl Sink {
    /// Begins the writer thread.
    pub(super) fn start(
        output: Output,
        when_full: WhenFull,
    ) -> io::Result<(Arc<Self>, thread::JoinHandle<()>)> {
        let sink = Arc::new(Self {
            when_full,
            buffers: Mutex::default(),
            control: Mutex::default(),
            changed: Condvar::new(),
            is_idle: AtomicBool::new(false),
            writer: OnceLock::new(),
            stats: Arc::default(),
        });
        let of_thread = Arc::clone(&sink);
        let thread = thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || Writer::new(&of_thread, output).run())?;
        // Set once, here; wakes before it are not needed, because the writer looks for work when it begins.
        let _ = sink.writer.set(thread.thread().clone());
        Ok((sink, thread))
    }

    /// A buffer for a worker.
    pub(super) fn buffer(&self) -> Arc<Buffer> {
        let buffer = Arc::<Buffer>::default();
        lock(&self.buffers).push(Arc::clone(&buffer));
        buffer
    }

    /// Appends what `format` writes to a worker's buffer.
    pub(super) fn append(&self, buffer: &Buffer, format: impl FnOnce(&mut Vec<u8>)) {
        let mut lines = lock(&buffer.lines);
        if lines.is_closed {
            return;
        }
        match self.when_full {
            WhenFull::Drop(max)
                if (lines.count >= max && lines.bytes.len() >= MAX_BYTES)
                    || lines.bytes.len() >= MAX_BUFFERED_BYTES =>
            {
                self.stats.dropped_lines.fetch_add(1, Ordering::Relaxed);
                return;
            }
            WhenFull::Drop(_) => {}
            WhenFull::Wait => {
                while lines.bytes.len() >= MAX_BYTES && !lines.is_closed {
                    self.wake();
                    lines = buffer
                        .emptied
                        .wait(lines)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        format(&mut lines.bytes);
        lines.count += 1;
        let is_much = lines.bytes.len() >= WAKE_BYTES;
        drop(lines);
        // The writer says that it is idle, then looks into this buffer once more: either it saw the line, or this
        // load sees that it is idle.
        if self.is_idle.load(Ordering::Relaxed) || is_much {
            self.wake();
        }
    }

    /// Puts another output in the place of the present one, before the next write.
    pub(super) fn replace_output(&self, output: Output) {
        lock(&self.control).new_output = Some(output);
        self.wake();
    }

    /// Waits until everything that was appended before is written.
    pub(super) fn flush(&self) {
        let mut control = lock(&self.control);
        control.flushes_asked += 1;
        let wanted = control.flushes_asked;
        drop(control);
        self.wake();
        let mut control = lock(&self.control);
        while control.flushes_done < wanted && !control.has_ended {
            control = self
                .changed
                .wait(control)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets the writer write what there is, and end.
    pub(super) fn stop(&self) {
        lock(&self.control).is_stopping = true;
        self.wake();
    }

    fn wake(&self) {
        self.is_idle.store(false, Ordering::Relaxed);
        if let Some(writer) = self.writer.get() {
            writer.unpark();
        }
    }
}

struct Writer<'a> {
    sink: &'a Sink,
    output: Output,
    /// Taken from a worker and written; goes back to a worker empty.
    spare: Vec<u8>,
    has_failed: bool,
}

impl<'a> Writer<'a> {
    fn new(sink: &'a Sink, output: Output) -> Self {
        Self {
            sink,
            output,
            spare: Vec::new(),
            has_failed: false,
        }
    }

    fn run(mut self) {
        loop {
            let (flushes, is_stopping) = self.take_orders();
            if is_stopping {
                self.close();
            }
            let has_written = self.write_all();
            self.report(flushes, is_stopping);
            if is_stopping {
                return;
            }
            if has_written {
                thread::park_timeout(LINGER);
                continue;
            }
            self.sink.is_idle.store(true, Ordering::Relaxed);
            if self.is_anything_waiting() {
                self.sink.is_idle.store(false, Ordering::Relaxed);
            } else {
                thread::park();
            }
        }
    }

    fn take_orders(&mut self) -> (u64, bool) {
        let mut control = lock(&self.sink.control);
        if let Some(output) = control.new_output.take() {
            self.output = output;
        }
        (control.flushes_asked, control.is_stopping)
    }

    fn report(&self, flushes: u64, has_ended: bool) {
        let mut control = lock(&self.sink.control);
        control.flushes_done = flushes;
        control.has_ended = has_ended;
        drop(control);
        self.sink.changed.notify_all();
    }

    /// Whether there was anything to write.
    fn write_all(&mut self) -> bool {
        let mut has_written = false;
        for buffer in self.buffers() {
            let mut lines = lock(&buffer.lines);
            if lines.bytes.is_empty() {
                continue;
            }
            std::mem::swap(&mut lines.bytes, &mut self.spare);
            lines.count = 0;
            drop(lines);
            buffer.emptied.notify_all();
            has_written = true;
            let result = self.output.write(&self.spare);
            self.note(result);
            self.spare.clear();
            self.spare.shrink_to(KEEP_BYTES);
        }
        has_written
    }

    /// The buffers that are in use; those of workers that are gone are let go when they are empty.
    fn buffers(&self) -> Vec<Arc<Buffer>> {
        let mut buffers = lock(&self.sink.buffers);
        buffers.retain(|buffer| {
            Arc::strong_count(buffer) > 1 || !lock(&buffer.lines).bytes.is_empty()
        });
        buffers.clone()
    }

    fn is_anything_waiting(&self) -> bool {
        let control = lock(&self.sink.control);
        let has_orders = control.new_output.is_some()
            || control.is_stopping
            || control.flushes_asked > control.flushes_done;
        drop(control);
        has_orders
            || self
                .buffers()
                .iter()
                .any(|buffer| !lock(&buffer.lines).bytes.is_empty())
    }

    fn close(&self) {
        for buffer in self.buffers() {
            lock(&buffer.lines).is_closed = true;
            buffer.emptied.notify_all();
        }
    }

    /// Says once that writing fails, and once that it works again.
    fn note(&mut self, result: io::Result<()>) {
        match result {
            Ok(()) if self.has_failed => {
                self.has_failed = false;
                tracing::info!("the access log can be written again");
            }
            Ok(()) => {}
            Err(error) => {
                self.sink.stats.write_errors.fetch_add(1, Ordering::Relaxed);
                if !self.has_failed {
                    self.has_failed = true;
                    tracing::error!(%error, "the access log can't be written: lines are lost until the cause is gone");
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
