//! All DNS queries (`--queries`): the table of every query that Sysmon logged, matched or not.
//!
//! The table is sorted by computer and time, and can be larger than memory. So each thread encodes
//! the queries of its unit (a block of a file), and the encoded queries are sorted, in temporary
//! files if they are many. At the end they are read in order, and become rows. Copies of an event
//! have the same computer, time and hash, so that they are adjacent.

use std::io;

use serde::{Deserialize, Serialize};

use super::Observer;
use super::hits::{EventWithHits, Role};
use crate::base::digest::Sha256Digest;
use crate::base::external_sort::{ExternalSorter, SortedRecord};
use crate::base::in_order::in_order;
use crate::config::Config;
use crate::error::SweepError;
use crate::event::{EventTime, QueriedName, QueryResults};
use crate::evidence::discover::Discovery;
use crate::ledger::damage::Integrity;
use crate::output::{
    OutputDirectory, OutputError, PendingSync, QUERIES_FILE, Rows, Table, TableWriter, WrittenTable,
};
use crate::report::{MatchContext, MatchRow, Occurrence, OutputRecord};
use crate::scan::LocatedEvent;

/// The number of rows of the table of DNS queries that a thread makes at a time.
const PART_ROWS: usize = 2048;
/// The weight of [`PART_ROWS`] queries when they are divided among threads: their usual size in
/// bytes.
const PART_WEIGHT: u64 = 1 << 20;
/// The usual size in bytes of an encoded query, by which memory is reserved.
const QUERY_BYTES: usize = 400;

/// The DNS queries of one unit (a block of a file), encoded, in the order of the file. Deleted ones
/// come last.
#[derive(Debug, Default)]
pub(super) struct UnitQueries {
    /// For each query, its key, by which the queries of the sweep are sorted, and then the encoded
    /// query.
    bytes: Vec<u8>,
    /// For each query, the offsets in `bytes` at which its key ends and at which the encoded query
    /// ends.
    ends: Vec<(usize, usize)>,
}

/// A DNS query that is being encoded.
#[derive(Serialize)]
struct NewQuery<'a> {
    file: u64,
    located: &'a LocatedEvent,
}

/// A DNS query that was encoded until now, decoded to make its row.
#[derive(Deserialize)]
struct Query {
    /// The position of the query's file among all files of the sweep.
    file: u64,
    located: LocatedEvent,
}

/// A DNS query of the sorted table, still encoded, and whether it is a copy or was deleted.
struct PlacedQuery {
    record: SortedRecord,
    occurrence: Occurrence,
}

/// The number of bytes at the end of the key by which a query is sorted: the hash of the event's
/// content; 1 for a deleted record, otherwise 0; and the position of the event among all queries,
/// in evidence order.
const KEY_END: usize = 32 + 1 + 8;

impl UnitQueries {
    /// Encodes those events of a file that are DNS queries of Sysmon: `live` ones, then `recovered`
    /// ones (from deleted records). `file` is the position of the file among all files of the
    /// sweep.
    pub(super) fn of(file: usize, live: &[EventWithHits<'_>], recovered: &[EventWithHits<'_>]) -> Self {
        let count = live.len() + recovered.len();
        let mut queries =
            UnitQueries { bytes: Vec::with_capacity(count * QUERY_BYTES), ends: Vec::with_capacity(count) };
        for event in live.iter().chain(recovered).filter(|event| event.role == Role::Match) {
            queries.push(file, event);
        }
        queries
    }

    /// Appends the key and the encoded form of a query. The key begins with the computer in lower
    /// case and the time; events without a time come first.
    fn push(&mut self, file: usize, event: &EventWithHits<'_>) {
        let EventWithHits { located, hash, .. } = event;
        let system = &located.event.system;
        let is_recovered = matches!(located.integrity, Integrity::Recovered(_));
        self.bytes.extend_from_slice(system.computer.to_lowercase().as_bytes());
        self.bytes.push(0);
        // With the sign bit turned over, the order of the bytes is that of the numbers.
        let ticks = system.time_created.map_or(i64::MIN, EventTime::ticks);
        self.bytes.extend_from_slice(&(ticks ^ i64::MIN).to_be_bytes());
        self.bytes.extend_from_slice(hash.as_bytes());
        self.bytes.push(u8::from(is_recovered));
        let key = self.bytes.len();
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = postcard::to_extend(&NewQuery { file: file as u64, located }, bytes)
            .expect("numbers and texts can all be written to memory");
        self.ends.push((key, self.bytes.len()));
    }
}

/// Collects the DNS queries of a sweep, and writes them to their table at the end.
pub(super) struct QueryTable {
    sorter: ExternalSorter,
    /// The key of the query that is being added. It is kept so that its memory can be reused.
    key: Vec<u8>,
    count: u64,
    output: std::path::PathBuf,
}

impl QueryTable {
    /// Makes a table of DNS queries without any query. Its temporary files will lie beside the
    /// tables of `output`.
    pub(super) fn new(output: &OutputDirectory) -> Self {
        let folder = output.temporary();
        QueryTable {
            sorter: ExternalSorter::new(&folder),
            key: Vec::new(),
            count: 0,
            output: output.staged(QUERIES_FILE).path,
        }
    }

    /// Adds the queries of a unit of work (a block of a file). Must be called in evidence order.
    pub(super) fn add(&mut self, queries: &UnitQueries) -> Result<(), OutputError> {
        let mut start = 0;
        for (key, end) in &queries.ends {
            let part = |range| queries.bytes.get(range).expect("the ends lie in the bytes");
            self.key.clear();
            self.key.extend_from_slice(part(start..*key));
            self.key.extend_from_slice(&self.count.to_be_bytes());
            self.count += 1;
            self.sorter.push(&self.key, part(*key..*end)).map_err(|error| failed(&self.output, &error))?;
            start = *end;
        }
        Ok(())
    }

    /// Writes the table, sorted. Returns its record for `run.json` (file, rows, size and SHA-256),
    /// and its file, which is still syncing to the disk. `observer` gets the progress.
    pub(super) fn write(
        self,
        output: &OutputDirectory,
        metadata: &[(&'static str, String)],
        config: &Config,
        discovery: &Discovery,
        observer: &mut dyn Observer,
    ) -> Result<(OutputRecord, PendingSync), SweepError> {
        let table = Table::of(MatchRow::QUERY_COLUMNS);
        let new = output.staged(QUERIES_FILE);
        let mut writer = TableWriter::create(&new, &table, metadata)?;
        let (mut failure, mut written, all) = (None, 0, self.count);
        observer.writing(written, all);
        let sorted = self.sorter.finish().map_err(|error| failed(&self.output, &error))?;
        let parts = Parts { queries: Unique { sorted, last: None }, failure: &mut failure };
        let rows = |part: Vec<PlacedQuery>| rows(&part, &table, discovery);
        in_order(
            config.threads,
            parts,
            |_| PART_WEIGHT,
            rows,
            |rows| {
                let rows = rows?;
                written += rows.len() as u64;
                writer.append(rows)?;
                observer.writing(written, all);
                Ok::<(), SweepError>(())
            },
        )?;
        if let Some(error) = failure {
            return Err(failed(&self.output, &error).into());
        }
        let (WrittenTable { rows, bytes, sha256 }, syncing) = writer.finish()?;
        Ok((OutputRecord { file: QUERIES_FILE.to_owned(), rows, bytes, sha256 }, syncing))
    }
}

fn failed(path: &std::path::Path, error: &io::Error) -> OutputError {
    OutputError::Write { path: path.to_path_buf(), reason: error.to_string() }
}

/// The sorted queries, with copies marked. A deleted query that is a copy of another query is left
/// out.
struct Unique<S> {
    sorted: S,
    /// The hash of the content of the last query that was taken from `sorted`.
    last: Option<Sha256Digest>,
}

impl<S: Iterator<Item = io::Result<SortedRecord>>> Iterator for Unique<S> {
    type Item = io::Result<PlacedQuery>;

    fn next(&mut self) -> Option<io::Result<PlacedQuery>> {
        loop {
            let record = match self.sorted.next()? {
                Ok(record) => record,
                Err(error) => return Some(Err(error)),
            };
            let (hash, is_recovered) = end_of(record.key());
            let is_copy = self.last.replace(hash) == Some(hash);
            let occurrence = match (is_copy, is_recovered) {
                (true, true) => continue,
                (true, false) => Occurrence::Copy,
                (false, true) => Occurrence::Recovered,
                (false, false) => Occurrence::First,
            };
            return Some(Ok(PlacedQuery { record, occurrence }));
        }
    }
}

/// Reads the end of the key by which a query is sorted. Returns the hash of the event's content,
/// and true if the event's record was deleted.
fn end_of(key: &[u8]) -> (Sha256Digest, bool) {
    let (hash, rest) = key
        .last_chunk::<KEY_END>()
        .and_then(|end| end.split_first_chunk::<32>())
        .expect("keys are made with this end");
    (Sha256Digest::from(*hash), rest.first() == Some(&1))
}

/// Divides the sorted queries into parts of at most [`PART_ROWS`] queries, so that threads can make
/// the rows. If a query cannot be read, no further part follows, and the error is kept in
/// `failure`.
struct Parts<'f, Q> {
    queries: Q,
    failure: &'f mut Option<io::Error>,
}

impl<Q: Iterator<Item = io::Result<PlacedQuery>>> Iterator for Parts<'_, Q> {
    type Item = Vec<PlacedQuery>;

    fn next(&mut self) -> Option<Vec<PlacedQuery>> {
        let mut part = Vec::with_capacity(PART_ROWS);
        while part.len() < PART_ROWS && self.failure.is_none() {
            match self.queries.next() {
                Some(Ok(query)) => part.push(query),
                Some(Err(error)) => *self.failure = Some(error),
                None => break,
            }
        }
        (!part.is_empty()).then_some(part)
    }
}

/// Makes the rows of the table of DNS queries for `part`, some consecutive queries of the table.
fn rows(part: &[PlacedQuery], table: &Table, discovery: &Discovery) -> Result<Rows, OutputError> {
    let mut rows = table.rows(part.len());
    // Most queries that come one after the other lie in one file.
    let mut path: (usize, String) = (usize::MAX, String::new());
    for PlacedQuery { record, occurrence } in part {
        let Query { file, located } =
            postcard::from_bytes(record.value()).expect("the query was encoded by this process");
        let number = usize::try_from(file).expect("the position fitted when it was encoded");
        let log = discovery.files.get(number).expect("events lie in files of the sweep");
        if path.0 != number {
            path = (number, log.source_path());
        }
        let row = MatchRow {
            chunk_number: located.location.chunk_number,
            record_offset: located.location.record_offset,
            integrity: located.integrity,
            event_hash: end_of(record.key()).0,
            occurrence: *occurrence,
            name: QueriedName::new(located.event.query_name().unwrap_or_default()),
            results: QueryResults::parse(located.event.query_results().unwrap_or_default()),
            matched_query: &[],
            matched_query_on_label: &[],
            matched_process: &[],
            matched_answer: &[],
            risk_score: None,
            risk_message: None,
            event: &located.event,
            context: MatchContext {
                evidence: discovery.evidence_name(log.evidence),
                source_path: &path.1,
                origin: log.origin(),
                ..MatchContext::default()
            },
        };
        rows.push(row.query_cells())?;
    }
    Ok(rows)
}
