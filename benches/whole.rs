//! Measures a whole sweep, from the files of the evidence to the tables, on evidence that it
//! generates under `target/corpora`.
//!
//! The variable `DNSWEEP_BENCH_MB` sets how many MiB of each kind of evidence there are; 256 by
//! default.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that goes wrong fails loudly")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dnsweep::internals::config::Sweep;
use dnsweep_samples::corpus::{Corpus, write};

/// The kinds of evidence: for each, its name, what its machines log, and the size of a log in KiB
/// (0 for a single log).
const KINDS: [(&str, Corpus, u64); 5] = [
    ("quiet", Corpus::Quiet, 20_480),
    ("chatty", Corpus::Chatty, 20_480),
    ("dense", Corpus::Dense, 20_480),
    ("big", Corpus::Quiet, 0),
    ("small files", Corpus::Quiet, 68),
];

fn evidence(name: &str, corpus: Corpus, kibibytes: u64) -> (PathBuf, u64) {
    let mebibytes: u64 = env::var("DNSWEEP_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(256);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/corpora/{name}-{mebibytes}"));
    let file = if kibibytes == 0 { mebibytes << 20 } else { kibibytes << 10 };
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    (folder.clone(), write(&folder, corpus, mebibytes << 20, file).unwrap().bytes)
}

fn whole(criterion: &mut Criterion) {
    for (name, corpus, kibibytes) in KINDS {
        let (folder, bytes) = evidence(name, corpus, kibibytes);
        let mut group = criterion.benchmark_group(format!("sweep {name}"));
        group.sample_size(10).throughput(Throughput::Bytes(bytes));
        for threads in [1, 2] {
            group.bench_function(format!("{threads} threads"), |bencher| {
                bencher.iter(|| run(&folder, threads));
            });
        }
        group.finish();
        fs::remove_dir_all(&folder).unwrap();
    }
}

fn run(folder: &Path, threads: usize) {
    let out = tempfile::tempdir().unwrap();
    let evidence = vec![folder.to_path_buf()];
    let sweep = Sweep { evidence, threads: NonZeroUsize::new(threads), ..Sweep::default() };
    sweep.run(sweep.directory(&out.path().join("out")).unwrap(), &mut (), &Arc::default()).unwrap();
}

criterion_group!(benches, whole);
criterion_main!(benches);
