//! Logs by the gigabyte, for benches: they have the layout of live Sysmon logs, with one machine
//! per file.
//!
//! A pool of distinct chunks is encoded once, from the events in the module `mix`. Each chunk that
//! is written is a copy of one of them. The module `stencil` gives it other record numbers, times
//! and another Computer, and makes its checksums right. So the logs are as valid as any other of
//! this crate, and are written about as fast as a disk takes them. Their texts repeat with every
//! round through the pool, which a compressor would notice and a reader does not.

mod mix;
mod stencil;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::chunk::CHUNK_SIZE;
use crate::error::Error;
use crate::log::HEADER_SIZE;
use crate::time::{self, HOUR};
use stencil::{HoleValues, Stencil};

/// The number of distinct chunks of which the logs of a corpus are made.
const POOL_SIZE: u64 = 64;
/// The time between two records of a machine, in units of 100 ns: about 0.65 s, deliberately no
/// round number.
const PAUSE: u64 = 6_543_217;

/// A kind of corpus: what its machines log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corpus {
    /// A mix like that of real logs: one record in twenty is a DNS query. One chunk in 64 contains
    /// what dnsweep's built-in detection looks for, and has one match.
    Quiet,
    /// A quarter of the records are DNS queries, and every other chunk has a name such as "discord"
    /// in events of other kinds, as on a machine with Discord installed. One chunk in sixteen has a
    /// match.
    Chatty,
    /// Every record is a DNS query, and one in ten matches.
    Dense,
}

/// How many logs, chunks and records of a corpus were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CorpusCounts {
    /// The number of logs that were written.
    pub files: u64,
    /// The size of all logs in bytes.
    pub bytes: u64,
    /// The number of chunks in all logs.
    pub chunks: u64,
    /// The number of records in all logs.
    pub records: u64,
    /// The number of Sysmon DNS queries in all logs.
    pub dns_queries: u64,
    /// The number of DNS queries that match dnsweep's built-in detection.
    pub matches: u64,
}

/// The encoded chunks that the logs of a corpus are made of.
#[derive(Debug)]
pub struct Pool {
    header: Vec<u8>,
    stencils: Vec<Stencil>,
}

impl Pool {
    /// Encodes the chunks of a corpus of this kind.
    pub fn new(corpus: Corpus) -> Result<Self, Error> {
        let mut header = Vec::new();
        let mut stencils = Vec::new();
        for number in 0..POOL_SIZE {
            let (file_header, stencil) =
                Stencil::new(|record, rng| mix::event(corpus, number, record, rng), number)?;
            header = file_header;
            stencils.push(stencil);
        }
        Ok(Self { header, stencils })
    }

    /// Writes the log of the machine with the number `host`, with `chunks` chunks. As in a log that
    /// was copied while in use, the file header is marked dirty and still says that the log has one
    /// chunk.
    pub fn write_log(&self, out: &mut impl Write, host: u64, chunks: u64) -> io::Result<CorpusCounts> {
        let mut written = CorpusCounts { files: 1, bytes: HEADER_SIZE as u64, ..CorpusCounts::default() };
        let mut filling = HoleValues {
            computer: computer(host),
            first_number: 1,
            // Machines differ in how much they logged before, and start within the same day.
            first_record_id: 1_000 + host % 1000 * 77_777,
            first_time: time::filetime(2025, 3, 3, 0, 0, 0) + host % 24 * HOUR,
            pause: PAUSE,
        };
        let mut buffer = vec![0; CHUNK_SIZE];
        out.write_all(&self.header)?;
        for (_, stencil) in (0..chunks).zip(self.stencils.iter().cycle().skip((host % POOL_SIZE) as usize)) {
            stencil.fill(&filling, &mut buffer);
            out.write_all(&buffer)?;
            filling.advance(stencil.records());
            written.bytes += CHUNK_SIZE as u64;
            written.chunks += 1;
            written.records += stencil.records();
            written.dns_queries += stencil.dns_queries;
            written.matches += stencil.matches;
        }
        Ok(written)
    }

    /// Returns the bytes of the log of the machine with the number `host`, with `chunks` chunks.
    #[must_use]
    pub fn log(&self, host: u64, chunks: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory does not fail.
        let _ = self.write_log(&mut bytes, host, chunks);
        bytes
    }
}

/// Writes about `total_bytes` of logs of about `file_bytes` each below `folder`. Each log is of one
/// machine, and lies where Windows keeps it: `WKS-00000/Windows/System32/winevt/Logs/`. Existing
/// files are replaced, and none are removed.
pub fn write(
    folder: &Path,
    corpus: Corpus,
    total_bytes: u64,
    file_bytes: u64,
) -> Result<CorpusCounts, Error> {
    let pool = Pool::new(corpus)?;
    let chunks = (file_bytes.saturating_sub(HEADER_SIZE as u64) / CHUNK_SIZE as u64).max(1);
    let files = total_bytes.div_ceil(HEADER_SIZE as u64 + chunks * CHUNK_SIZE as u64).max(1);
    let mut written = CorpusCounts::default();
    for host in 0..files {
        let logs = folder.join(host_name(host)).join("Windows/System32/winevt/Logs");
        fs::create_dir_all(&logs)?;
        let file = File::create(logs.join("Microsoft-Windows-Sysmon%4Operational.evtx"))?;
        // Larger writes than a chunk at a time are not faster by enough to be worth the memory.
        let mut out = io::BufWriter::with_capacity(1 << 20, file);
        written.add(pool.write_log(&mut out, host, chunks)?);
        out.flush()?;
    }
    Ok(written)
}

impl CorpusCounts {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.chunks += other.chunks;
        self.records += other.records;
        self.dns_queries += other.dns_queries;
        self.matches += other.matches;
    }
}

/// Returns the name of the machine with the number `host`. All names have the same length.
fn host_name(host: u64) -> String {
    format!("WKS-{:06}", host % 1_000_000)
}

fn computer(host: u64) -> String {
    format!("{}.corp.example", host_name(host))
}
