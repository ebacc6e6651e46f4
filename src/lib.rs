//! Sweeps Windows event logs for Sysmon DNS queries (event 22) that a detection describes, writes
//! them to Parquet, and reduces them to a report per host.
//!
//! The program `dnsweep` and other Rust programs use the same interface: what this page lists.
//!
//! # A sweep
//!
//! A [`Sweep`] is plain data: the evidence, the detections and the options. Its matches go into a
//! [`Sink`]: tables, a function of the caller, or nothing but counts. An [`Observer`] shows
//! progress, and a flag ends the sweep early.
//!
//! ```
//! use std::sync::Arc;
//!
//! use dnsweep::{Match, Sink, Sweep};
//!
//! let sweep = Sweep { evidence: vec!["samples/evidence/FIN-WS07".into()], ..Sweep::default() };
//! let mut names = Vec::new();
//! let mut take = |found: &Match<'_>| {
//!     names.extend(found.event.query_name().map(str::to_owned));
//!     Ok(())
//! };
//! let outcome = sweep.run(Sink::Each(&mut take), &mut (), &Arc::default())?;
//! assert!(names.iter().any(|name| name == "pastebin.com"));
//! assert_eq!(outcome.run.totals.matches, names.len() as u64);
//! # Ok::<(), dnsweep::SweepError>(())
//! ```
//!
//! With another sink, the same call writes the tables that the program writes:
//!
//! ```
//! use std::sync::Arc;
//!
//! use dnsweep::Sweep;
//!
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path().join("out");
//! let sweep = Sweep { evidence: vec!["samples/evidence/HR-WS03".into()], ..Sweep::default() };
//! let outcome = sweep.run(sweep.directory(&out)?, &mut (), &Arc::default())?;
//! assert!(out.join("hosts.parquet").exists() && outcome.run.totals.matches == 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The events of one log
//!
//! ```
//! use std::path::Path;
//!
//! use dnsweep::{DNS_QUERY, LogEvents, PROCESS_CREATION};
//!
//! let logs = Path::new("samples/evidence/HR-WS03/Windows/System32/winevt/Logs");
//! let log = logs.join("Microsoft-Windows-Sysmon%4Operational.evtx");
//! let mut events = LogEvents::open(&log, &[&DNS_QUERY, &PROCESS_CREATION])?;
//! let images: Vec<String> =
//!     events.by_ref().filter_map(|found| found.event.get("Image").map(str::to_owned)).collect();
//! assert!(!images.is_empty() && events.problems().is_empty());
//! # Ok::<(), dnsweep::SweepError>(())
//! ```
//!
//! # One rule
//!
//! ```
//! use dnsweep::{Detection, Event, Placeholders};
//!
//! let rule = "
//! title: A paste site
//! id: 6b1f4b0e-5a51-4c6c-8f0e-0d4b6b1f0a11
//! logsource: { product: windows, category: dns_query }
//! detection: { selection: { QueryName|endswith: pastebin.com }, condition: selection }
//! ";
//! let detection = Detection::from_yaml(rule, "rule.yml", &Placeholders::default())?;
//! let asked = |name: &str| Event::dns_query().with("QueryName", name);
//! assert!(detection.matches(&asked("pastebin.com")));
//! assert!(!detection.matches(&asked("example.com")));
//! # Ok::<(), dnsweep::DetectionError>(())
//! ```
//!
//! # Data flow
//!
//! Data flows one way, from evidence to tables:
//!
//! ```text
//! evidence ── LogFile ──▶ scan ── LocatedEvent ──▶ detect ── MatchRow ──▶ output
//!     │                    │                                     ▲
//!     └────────────────────┴──────── ledger ──────▶ report ──────┘
//! ```
//!
//! - `evidence` walks the roots and the containers in them, finds files that are named like event
//!   logs or contain event XML, and reads their bytes wherever they lie.
//! - `scan` reads a log in blocks of chunks, walks the records and decodes them. It reads event XML
//!   in blocks of bytes.
//! - `detect` evaluates the detections on each DNS query.
//! - `report` makes rows of tables. From rows that are read back, it also makes the answer (what
//!   was found, and what was not), and shows it as a summary, as a page and in other formats.
//! - `output` writes tables to Parquet files, reads them back, and keeps a journal of what an
//!   unfinished sweep has read.
//!
//! No stage imports another. `sweep` connects them. `verify` connects some of them again: it
//! compares an output with its `run.json`, and evidence with the ledger. The stages exchange plain
//! data: `event`, `ledger`, `table`, and the source of a log's bytes. `config` says what a sweep
//! will do; `cli` makes a `config` of the command line, shows progress, and has the commands about
//! detections. `base` knows nothing of events. Among other things, it distributes work to threads
//! and returns the results in order, so that the tables are byte-identical with any number of
//! threads. `tests/layering.rs` tests that the modules import one another only in these directions.
//!
//! What dnsweep reads and writes, and what the results mean, is explained in the [`guide`].
//!
//! # Terms
//!
//! - *Evidence*: what was collected, usually a folder, an archive or a disk image per machine. It
//!   is only read.
//! - *Piece of evidence*: the part of the evidence that belongs together, usually the folder,
//!   archive or image of one machine. The column `evidence` names it.
//! - *Root*: a folder or file of evidence that the user names.
//! - *Container*: a file that contains other files: an archive, a packed file, or a disk image with
//!   *volumes* (partitions). A volume can have *shadow copies*, which are its earlier states.
//! - *Log*: an event log, which consists of a file header of 4096 bytes and *chunks* of 64 KiB. A
//!   chunk contains *records* and the *template* definitions that they refer to. A record contains
//!   the *values* that fill a template's *substitutions*.
//! - *Block*: up to 128 consecutive chunks of a log, or a range of bytes of another file. Threads
//!   work on one block at a time.
//! - *Slot*: 64 KiB of a log in which a chunk can lie. The first slot follows the file header.
//! - *Misaligned*: a chunk that does not begin at the start of a slot.
//! - *Nested*: a chunk header that lies inside another chunk's header or record.
//! - *Deleted*, *stale*: a record that is not among the live records of its chunk.
//! - *Event XML*: events as text, as Windows renders them. It has neither chunks nor records; each
//!   event counts as one record.
//! - *Kind*: a kind of event by its provider and event ID, such as Sysmon's DNS query (event 22).
//! - *Skim*: to count the records of a chunk that cannot match, without decoding them.
//! - *Search*: the text in Splunk's language that a detection consists of, and what it is compiled
//!   to.
//! - *Hit*: a DNS query and a detection that describes it. One of the site's *exclusions*
//!   (descriptions of harmless events) can remove the hit.
//! - *Match*: a DNS query with at least one hit that no exclusion removes. However many detections
//!   describe the query, it is one match.
//! - *Evidence order*: the pieces of evidence one after the other, in each the files, and in a file
//!   the records. Matches come in this order.
//! - *Copy*: an event of which an equal one comes before it in evidence order, for example in the
//!   archived copy of a log. *Unique* matches are those that are not copies.
//! - *Host*: a computer, by the name that its records state. Its *verdict* says in a word what the
//!   sweep saw of it. A host is *cleared* if it has no match and its logs were read completely.
//! - *Period*: the times that matches must lie in, if the user requests a period. A host without
//!   matches is cleared only if its DNS queries cover the period.
//! - *Lead*: a query that Windows' own DNS client logged, and a detection that could match a DNS
//!   query of that name. A lead is not a match.
//! - *Ledger*: the table `files.parquet`, which accounts for every file. The table
//!   `containers.parquet` accounts for every container, volume and shadow copy.
//! - *Account*: what is known of the bytes and records of a file, or of a part of it.
//! - *Problem*, *note*: what is wrong with a range of a file, and what is only remarkable there. An
//!   account lists the first of each kind and counts the others.
//! - *Answer*: what an output says about the hosts in the evidence, read back from `run.json` and
//!   the tables.
//! - *Summary*: the answer as text, which a sweep prints at its end.
//! - *Page*: `report.html`, a file that shows the results in an output to people.
//! - *Timeline*: what the tables of an output say happened, in order of time. Its *entries* are
//!   matches, leads, and the starts and ends of processes.
//! - *Journal*: the file in which a sweep keeps what it has read so far. `--resume` reads it.
//! - *Plan*: a file that says what to look for and lists the evidence, divided into *shards*. A
//!   shard is the portion of the evidence that one process sweeps.
//! - *Part*: the file with what a sweep or a shard found. A *merge* makes of parts the output that
//!   one sweep of all their evidence would have written.
//! - *Slow twin*: a plain function that must return what a fast one returns. Tests compare the two.
//!
//! # Limits
//!
//! Memory does not grow with the evidence, except for the list of its files and containers, and the
//! distinct values and stats rows of its matches. Damage to evidence ([`Damage`]) never stops a
//! sweep. Anything that stops one is a [`SweepError`].

#![cfg_attr(
    not(feature = "internals"),
    allow(unused_imports, reason = "what modules re-export for tests, benches and fuzz targets")
)]
#![cfg_attr(not(feature = "cli"), allow(dead_code, reason = "what only the program shows"))]

mod base;
#[cfg(feature = "cli")]
pub mod cli;
mod config;
mod detect;
mod error;
mod event;
mod evidence;
pub mod guide;
mod ledger;
mod output;
mod report;
mod scan;
mod sweep;
mod table;
mod verify;

pub use base::digest::Sha256Digest;
pub use config::{
    Checksums, Context, Decoding, ExcludedRows, Hashing, Leads, Links, LogNames, NonLogFiles, Options,
    Partitions, Period, PeriodError, Queries, Recovery, Refused, ReportPage, RequestError, RulesError, Sweep,
};
pub use detect::{Detection, DetectionError, Placeholders};
pub use error::{SinkError, SweepError};
pub use event::{
    DNS_CLIENT_QUERY, DNS_QUERY, Event, EventKind, EventTime, FieldSpec, FieldType, PROCESS_CREATION,
    PROCESS_END, System,
};
pub use evidence::EvidenceError;
pub use evidence::discover::{Discovery, FoundSoFar};
pub use ledger::damage::{Damage, Integrity, Problem};
pub use ledger::file::{FileReport, Status};
pub use output::{OutputDirectory, OutputError};
pub use report::{Ending, FlawedFile, NamedHost, Occurrence, Run, Totals, Verdict, Verification};
pub use scan::{LocatedEvent, Location};
pub use sweep::{LogEvents, Match, Observer, Outcome, OutputNotRead, Sink, TakeMatch};
pub use verify::{Subject, VerifyError, verify};

/// The modules of dnsweep, for its own tests, benches and fuzz targets. They change without notice.
#[cfg(feature = "internals")]
#[doc(hidden)]
#[allow(missing_docs, reason = "each module is documented where it is")]
pub mod internals {
    pub mod base {
        pub use crate::base::*;
    }
    #[cfg(feature = "cli")]
    pub mod cli {
        pub mod exit {
            pub use crate::cli::exit::*;
        }
    }
    pub mod config {
        pub use crate::config::*;
    }
    pub mod detect {
        pub use crate::detect::*;
    }
    pub mod event {
        pub use crate::event::*;
    }
    pub mod evidence {
        pub use crate::evidence::*;
    }
    pub mod ledger {
        pub use crate::ledger::*;
    }
    pub mod output {
        pub use crate::output::*;
    }
    pub mod report {
        pub use crate::report::*;
    }
    pub mod scan {
        pub use crate::scan::*;
    }
    pub mod sweep {
        pub use crate::sweep::*;
    }
    pub mod table {
        pub use crate::table::*;
    }
}
