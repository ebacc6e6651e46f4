//! Sweeps Windows event logs for Sysmon DNS queries (event 22) that a detection describes, writes
//! them to Parquet, and reduces them to a report per host.
//!
//! # Data flow
//!
//! One way, from evidence to tables:
//!
//! ```text
//! evidence ── LogFile ──▶ scan ── LocatedEvent ──▶ detect ── MatchRow ──▶ output
//!     │                    │                                     ▲
//!     └────────────────────┴──────── ledger ──────▶ report ──────┘
//! ```
//!
//! - [`evidence`] walks the roots, finds what is named like an event log or is event XML, and reads
//!   its bytes.
//! - [`scan`] reads a log in blocks of chunks, walks the records and decodes them; or event XML, in
//!   blocks of bytes.
//! - [`detect`] evaluates the detections on each DNS query.
//! - [`report`] makes rows and the summary of what was found, and of what was not.
//! - [`output`] makes Parquet files of tables, and keeps what an unfinished sweep has read.
//!
//! The stages do not know one another: they meet in [`sweep`](mod@sweep), and some of them again in
//! [`verify`](mod@verify), which compares an output with its `run.json` and evidence with the
//! ledger. What they hand on is plain data: [`event`], [`ledger`], [`table`], and the
//! [`source`](evidence::source) of a log's bytes. [`config`] says what will be done; [`cli`] makes
//! it of what was typed, shows progress, and has the commands about detections. [`base`] knows
//! nothing of events: it does work on threads in order, so that the tables are the same to the byte
//! on any number of them. `tests/layering.rs` holds the modules to these directions.
//!
//! What it reads, writes and means is in the pages of the [`guide`].
//!
//! # Terms
//!
//! - *Evidence*: what was collected, usually a folder per machine. It is only read.
//! - *Log*: a file header of 4096 bytes and *chunks* of 64 KiB; a chunk holds *records* and the
//!   *template* definitions that they refer to. A record holds the *substitutions* for a template.
//! - *Event XML*: events as text, as Windows renders them. It has neither chunks nor records; each
//!   event counts as one.
//! - *Hit*: a DNS query and a detection that describes it, if none of the site's *exclusions* takes
//!   it away.
//! - *Match*: a DNS query with at least one hit. However many detections describe it, it is one
//!   match.
//! - *Period*: the times that matches must lie in, if any were asked for. A host without matches is
//!   cleared only if its DNS queries cover it.
//! - *Lead*: a query that Windows' own DNS client logged, and a detection that could match with its
//!   name. It is no match.
//! - *Ledger*: `files.parquet`, which accounts for every file.
//!
//! # Limits
//!
//! Memory does not grow with the evidence, but for the list of its files, and the distinct
//! values and stats rows of its matches. What is wrong with evidence never stops a sweep
//! ([`ledger::damage`]); what does is in [`error`].
//!
//! # Example
//!
//! ```
//! use dnsweep::detect::Detection;
//! use dnsweep::event::Event;
//!
//! let detection = Detection::seed()?;
//! let event = Event::dns_query()
//!     .with("QueryName", "pastebin.com")
//!     .with("Image", r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe");
//! assert!(detection.search.predicate.evaluate(&event));
//! # Ok::<(), dnsweep::detect::DetectionError>(())
//! ```

pub mod base;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod detect;
pub mod error;
pub mod event;
pub mod evidence;
pub mod guide;
pub mod ledger;
pub mod output;
pub mod report;
pub mod scan;
pub mod sweep;
pub mod table;
pub mod verify;
