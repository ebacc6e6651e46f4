//! Measures each stage of a sweep by itself, in bytes of evidence per second, on logs in memory.
//! The time does not include reading from the disk or the other stages.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that goes wrong fails loudly")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dnsweep::internals::detect::{Detection, Predicate};
use dnsweep::internals::event::{Event, QueriedName, QueryResults};
use dnsweep::internals::ledger::damage::Integrity;
use dnsweep::internals::output::{Access, NewFile, Table, TableWriter};
use dnsweep::internals::report::{MatchContext, MatchRow, Occurrence, event_hash};
use dnsweep::internals::scan::{
    BLOCK_CHUNKS, LocatedEvent, Needle, Scanner, Selection, WantedQueries, blocks,
};
use dnsweep_samples::corpus::{Corpus, Pool};

const CHUNKS: u64 = 256;

fn log(corpus: Corpus) -> Vec<u8> {
    Pool::new(corpus).unwrap().log(1, CHUNKS)
}

fn predicate() -> Predicate {
    Detection::seed().unwrap().search.predicate
}

fn seed() -> Selection {
    let sets = predicate().required_texts().into_iter().map(|set| {
        let needle = |required: dnsweep::internals::detect::RequiredText| Needle {
            data: required.data_name.to_owned(),
            text: required.text,
        };
        set.into_iter().map(needle).collect()
    });
    Selection::Wanted(vec![WantedQueries { sets: sets.collect() }])
}

fn scan(scanner: &mut Scanner, log: &Vec<u8>) -> Vec<LocatedEvent> {
    let size = log.len() as u64;
    blocks(size, BLOCK_CHUNKS).flat_map(|block| scanner.scan(log, block, size).events).collect()
}

/// Measures how fast the scanner selects the records that may match: it reads the log from memory,
/// verifies checksums, finds the records, and counts those that cannot match by their bytes. Few
/// records are decoded.
fn select(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("select");
    for (name, corpus) in [("quiet", Corpus::Quiet), ("chatty", Corpus::Chatty), ("dense", Corpus::Dense)] {
        let log = log(corpus);
        let mut scanner = Scanner::new(&seed());
        group.throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(scan(&mut scanner, &log))));
    }
}

/// Measures how fast the scanner decodes every record of a log that lies in memory.
fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for (name, corpus) in [("quiet", Corpus::Quiet), ("dense", Corpus::Dense)] {
        let log = log(corpus);
        let mut scanner = Scanner::new(&Selection::Everything);
        group.sample_size(20).throughput(Throughput::Bytes(log.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(scan(&mut scanner, &log))));
    }
}

/// Measures how fast the built-in detection's predicate is evaluated on every DNS query of a log in
/// which all records are DNS queries.
fn detect(criterion: &mut Criterion) {
    let log = log(Corpus::Dense);
    let events = scan(&mut Scanner::default(), &log);
    let predicate = predicate();
    let mut group = criterion.benchmark_group("detect");
    group.throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function("dense", |bencher| {
        bencher.iter(|| events.iter().filter(|located| predicate.evaluate(&located.event)).count());
    });
}

fn row(event: &Event) -> MatchRow<'_> {
    MatchRow {
        chunk_number: 0,
        record_offset: 0,
        integrity: Integrity::Verified,
        event_hash: event_hash(event),
        occurrence: Occurrence::First,
        name: QueriedName::new(event.query_name().unwrap_or_default()),
        results: QueryResults::parse(event.query_results().unwrap_or_default()),
        matched_query: &[],
        matched_query_on_label: &[],
        matched_process: &[],
        matched_answer: &[],
        risk_score: Some(64),
        risk_message: Some(String::new()),
        event,
        context: MatchContext::default(),
    }
}

/// Measures how fast matches are encoded as rows of a table and written to the disk. The log of
/// which they come has only DNS queries, one in ten of which matches.
fn write(criterion: &mut Criterion) {
    let log = log(Corpus::Dense);
    let events = scan(&mut Scanner::new(&seed()), &log);
    let table = Table::of(MatchRow::COLUMNS);
    let folder = tempfile::tempdir().unwrap();
    let new = NewFile { path: folder.path().join("matches.parquet"), access: Access::Owner };
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function("dense", |bencher| {
        bencher.iter(|| {
            let mut writer = TableWriter::create(&new, &table, &[]).unwrap();
            let mut rows = table.rows(events.len());
            rows.extend(MatchRow::COLUMNS, events.iter().map(|located| row(&located.event))).unwrap();
            writer.append(rows).unwrap();
            writer.finish().unwrap().1.wait().unwrap();
            std::fs::remove_file(&new.path).unwrap();
        });
    });
}

criterion_group!(stages, select, decode, detect, write);
criterion_main!(stages);
