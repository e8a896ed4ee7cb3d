//! What one worker thread counts.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;

use super::Settings;
use super::labels::{MethodLabel, ProtocolLabel, TransportLabel};
use super::slots::{
    EntryPointSlot, Identity, RouterSlot, SCOPES, Scope, ServiceSlot, Slot, SlotId,
};

/// Sets of header-label values that one object may have on one worker; further ones are counted as
/// [`OVERFLOW_VALUE`].
///
/// differs from traefik: it keeps every value that clients think of, for ever.
pub(super) const MAX_LABEL_SETS: usize = 256;

/// Value of header labels beyond [`MAX_LABEL_SETS`].
pub(super) const OVERFLOW_VALUE: &str = "_other_";

/// One request, as metrics see it.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// Status that the client got; for gRPC see [`grpc_code`](super::grpc_code).
    pub code: u16,
    /// Method.
    pub method: MethodLabel,
    /// Protocol.
    pub protocol: ProtocolLabel,
    /// From the head to the end of the response.
    pub duration: Duration,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the response's body.
    pub response_bytes: u64,
    /// Version and cipher suite of the connection, if it is TLS.
    pub tls: Option<(&'static str, &'static str)>,
    /// Headers of the request, for `headerLabels`.
    pub headers: &'a HeaderMap,
}

/// Metrics of one worker thread; does not leave it.
///
/// Each series has one writer, this worker: an addition is a plain load and store. A scrape reads the same cells from
/// its own thread and never makes a worker wait. A lock is taken only for the first request of a series.
pub struct WorkerMetrics {
    settings: Arc<Settings>,
    log: Arc<SeriesLog>,
    tables: RefCell<[Vec<SlotTable>; SCOPES.len()]>,
    local: PhantomData<Rc<()>>,
}

impl WorkerMetrics {
    pub(super) fn new(settings: Arc<Settings>, log: Arc<SeriesLog>) -> Self {
        Self {
            settings,
            log,
            tables: RefCell::default(),
            local: PhantomData,
        }
    }

    /// Counts a request of an entry point; nothing if `addEntryPointsLabels` is off.
    pub fn entry_point(&self, slot: &EntryPointSlot, sample: &Sample<'_>) {
        if self.settings.entry_points {
            self.record(&slot.0, sample);
        }
    }

    /// Counts a request of a router; nothing if `addRoutersLabels` is off.
    pub fn router(&self, slot: &RouterSlot, sample: &Sample<'_>) {
        if self.settings.routers {
            self.record(&slot.0, sample);
        }
    }

    /// Counts a request of a service; nothing if `addServicesLabels` is off.
    pub fn service(&self, slot: &ServiceSlot, sample: &Sample<'_>) {
        if self.settings.services {
            self.record(&slot.0, sample);
        }
    }

    /// Counts tries after the first.
    ///
    /// differs from traefik: there the counter exists, but nothing adds to it.
    pub fn retries(&self, slot: &ServiceSlot, tries: u32) {
        if self.settings.services && tries > 0 {
            self.with_table(&slot.0, |table, log| {
                let cell = table.rare().retries.get_or_insert_with(|| {
                    let cell = Arc::new(AtomicU64::new(0));
                    log.add(&slot.0, Counted::Retries(Arc::clone(&cell)));
                    cell
                });
                add(cell, u64::from(tries));
            });
        }
    }

    /// Counts a connection as open until the guard is dropped.
    pub fn connection(&self, slot: &EntryPointSlot, transport: TransportLabel) -> OpenConnection {
        self.with_table(&slot.0, |table, log| {
            let rare = table.rare();
            let cell = match rare.connections.iter().find(|(of, _)| *of == transport) {
                Some((_, cell)) => Arc::clone(cell),
                None => {
                    let cell = Arc::new(AtomicU64::new(0));
                    log.add(&slot.0, Counted::Connections(transport, Arc::clone(&cell)));
                    rare.connections.push((transport, Arc::clone(&cell)));
                    cell
                }
            };
            add(&cell, 1);
            OpenConnection {
                cell,
                local: PhantomData,
            }
        })
    }

    fn record(&self, slot: &Slot, sample: &Sample<'_>) {
        let bucket = self.settings.bucket(sample.duration);
        self.with_table(slot, |table, log| {
            let buckets = self.settings.bounds.len() + 1;
            let cells = table.series(SeriesKey::of(sample), || {
                let cells = Cells::new(buckets);
                log.add(
                    slot,
                    Counted::Requests(SeriesKey::of(sample), Arc::clone(&cells)),
                );
                cells
            });
            cells.add(bucket, sample);
            if let Some(tls) = sample.tls {
                table
                    .rare()
                    .tls(tls, |cell| log.add(slot, Counted::Tls(tls, cell)));
            }
            if !self.settings.header_labels.is_empty() {
                table
                    .rare()
                    .labelled(&self.settings, sample, |values, cell| {
                        log.add(slot, Counted::Labelled(SeriesKey::of(sample), values, cell));
                    });
            }
        });
    }

    fn with_table<R>(&self, slot: &Slot, run: impl FnOnce(&mut SlotTable, &SeriesLog) -> R) -> R {
        let id = slot.id();
        let mut tables = self.tables.borrow_mut();
        let [entry_points, routers, services] = &mut *tables;
        let tables = match id.scope {
            Scope::EntryPoint => entry_points,
            Scope::Router => routers,
            Scope::Service => services,
        };
        let index = id.index as usize;
        if index >= tables.len() {
            tables.resize_with(index + 1, SlotTable::default);
        }
        let table = tables
            .get_mut(index)
            .expect("resized to hold index in the lines above");
        if table.generation != id.generation {
            // The index belongs to another object now; the series of the former one are gone from the log.
            *table = SlotTable {
                generation: id.generation,
                ..SlotTable::default()
            };
        }
        run(table, &self.log)
    }
}

impl fmt::Debug for WorkerMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerMetrics").finish_non_exhaustive()
    }
}

/// An open connection, counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection {
    cell: Arc<AtomicU64>,
    local: PhantomData<Rc<()>>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let open = self.cell.load(Ordering::Relaxed);
        self.cell.store(open.saturating_sub(1), Ordering::Relaxed);
    }
}

/// The series of one object on this worker. Small, because there is one for each object with a smaller index too.
#[derive(Default)]
struct SlotTable {
    generation: u32,
    /// Where the last request was counted; most requests of an object look alike.
    hot: u32,
    series: Vec<(SeriesKey, Arc<Cells>)>,
    rare: Option<Box<Rare>>,
}

/// What not every object has.
#[derive(Default)]
struct Rare {
    tls: Vec<((&'static str, &'static str), Arc<AtomicU64>)>,
    labelled: Vec<(SeriesKey, Arc<[String]>, Arc<AtomicU64>)>,
    retries: Option<Arc<AtomicU64>>,
    connections: Vec<(TransportLabel, Arc<AtomicU64>)>,
}

impl SlotTable {
    fn series(&mut self, key: SeriesKey, make: impl FnOnce() -> Arc<Cells>) -> &Cells {
        let is_hot = self
            .series
            .get(self.hot as usize)
            .is_some_and(|(hot, _)| *hot == key);
        if !is_hot {
            let found = self.series.iter().position(|(other, _)| *other == key);
            let index = found.unwrap_or_else(|| {
                self.series.push((key, make()));
                self.series.len() - 1
            });
            // Codes, methods and protocols make fewer than 2^32 keys.
            self.hot = u32::try_from(index).unwrap_or(u32::MAX);
        }
        let (_, cells) = self
            .series
            .get(self.hot as usize)
            .expect("hot is the index of an entry found or pushed in the lines above");
        cells
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

impl Rare {
    fn tls(&mut self, tls: (&'static str, &'static str), added: impl FnOnce(Arc<AtomicU64>)) {
        match self.tls.iter().find(|(of, _)| *of == tls) {
            Some((_, cell)) => add(cell, 1),
            None => {
                let cell = Arc::new(AtomicU64::new(1));
                self.tls.push((tls, Arc::clone(&cell)));
                added(cell);
            }
        }
    }

    fn labelled(
        &mut self,
        settings: &Settings,
        sample: &Sample<'_>,
        added: impl FnOnce(Arc<[String]>, Arc<AtomicU64>),
    ) {
        let key = SeriesKey::of(sample);
        let value = |index: usize| {
            settings
                .header_labels
                .get(index)
                .and_then(|(_, header)| sample.headers.get(header))
                .map_or(&b""[..], |value| value.as_bytes())
        };
        let is_same = |values: &[String]| {
            values
                .iter()
                .enumerate()
                .all(|(index, known)| known.as_bytes() == value(index))
        };
        if let Some((_, _, cell)) = self
            .labelled
            .iter()
            .find(|(of, values, _)| *of == key && is_same(values))
        {
            return add(cell, 1);
        }
        let labels = 0..settings.header_labels.len();
        let values: Arc<[String]> = if self.labelled.len() < MAX_LABEL_SETS {
            labels
                .map(|index| String::from_utf8_lossy(value(index)).into_owned())
                .collect()
        } else {
            labels.map(|_| OVERFLOW_VALUE.to_owned()).collect()
        };
        // Looked for again: values that aren't UTF-8 or are too many are known by what stands for them.
        if let Some((_, _, cell)) = self
            .labelled
            .iter()
            .find(|(of, known, _)| *of == key && *known == values)
        {
            return add(cell, 1);
        }
        let cell = Arc::new(AtomicU64::new(1));
        self.labelled
            .push((key, Arc::clone(&values), Arc::clone(&cell)));
        added(values, cell);
    }
}

/// Code, method and protocol in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SeriesKey(u32);

impl SeriesKey {
    fn of(sample: &Sample<'_>) -> Self {
        Self(u32::from(sample.code) << 16 | sample.method.bits() << 8 | sample.protocol.bits())
    }

    pub(super) const fn code(self) -> u32 {
        self.0 >> 16
    }

    pub(super) const fn method(self) -> MethodLabel {
        MethodLabel::from_bits(self.0 >> 8)
    }

    pub(super) const fn protocol(self) -> ProtocolLabel {
        ProtocolLabel::from_bits(self.0)
    }
}

/// The numbers of one series.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) nanos: AtomicU64,
    pub(super) request_bytes: AtomicU64,
    pub(super) response_bytes: AtomicU64,
    /// Requests by duration, each in the first bucket that it fits in.
    pub(super) buckets: Box<[AtomicU64]>,
}

impl Cells {
    fn new(buckets: usize) -> Arc<Self> {
        Arc::new(Self {
            nanos: AtomicU64::new(0),
            request_bytes: AtomicU64::new(0),
            response_bytes: AtomicU64::new(0),
            buckets: (0..buckets).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    fn add(&self, bucket: usize, sample: &Sample<'_>) {
        if let Some(cell) = self.buckets.get(bucket) {
            add(cell, 1);
        }
        add(
            &self.nanos,
            u64::try_from(sample.duration.as_nanos()).unwrap_or(u64::MAX),
        );
        add(&self.request_bytes, sample.request_bytes);
        add(&self.response_bytes, sample.response_bytes);
    }
}

/// What is counted.
#[derive(Debug, Clone)]
pub(super) enum Counted {
    Requests(SeriesKey, Arc<Cells>),
    Tls((&'static str, &'static str), Arc<AtomicU64>),
    Labelled(SeriesKey, Arc<[String]>, Arc<AtomicU64>),
    Retries(Arc<AtomicU64>),
    Connections(TransportLabel, Arc<AtomicU64>),
}

/// One series of one worker.
#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) slot: SlotId,
    pub(super) identity: Identity,
    pub(super) counted: Counted,
}

/// All series that one worker has begun; what a scrape reads. Outlives the worker, so that nothing counted is lost.
#[derive(Debug, Default)]
pub(super) struct SeriesLog {
    series: Mutex<Vec<Series>>,
}

impl SeriesLog {
    fn add(&self, slot: &Slot, counted: Counted) {
        self.lock().push(Series {
            slot: slot.id(),
            identity: slot.identity().clone(),
            counted,
        });
    }

    /// The series as they are now. The copy keeps the worker's wait for the lock short.
    pub(super) fn all(&self) -> Vec<Series> {
        self.lock().clone()
    }

    /// Drops the series of `gone`.
    pub(super) fn forget(&self, gone: &[SlotId]) {
        self.lock().retain(|series| !gone.contains(&series.slot));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Series>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds to a cell that only this thread writes.
fn add(cell: &AtomicU64, amount: u64) {
    let value = cell.load(Ordering::Relaxed);
    cell.store(value.wrapping_add(amount), Ordering::Relaxed);
}
