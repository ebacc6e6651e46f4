//! What will be done: options without any spelling, the detections and the exclusions that were
//! loaded. How these are made of what was typed is [`crate::cli`]'s.

mod choice;
mod content;
mod detections;
mod exclusions;
mod not_run;
mod text;

use std::num::NonZeroUsize;

use crate::event::Window;
use crate::evidence::discover::Search;
use crate::output::OutputDirectory;
use crate::scan::{Checksums, Recovery};

pub use self::content::ContentFile;
pub use self::detections::{Catalog, LoadedDetection};
pub(crate) use self::exclusions::exclusions;
pub use self::exclusions::{ExcludedRows, LoadedExclusion, Standing};
pub use self::not_run::{NotRun, RefusedDetection};

/// A sweep, ready to run.
#[derive(Debug)]
pub struct Config {
    /// Where to look.
    pub search: Search,
    /// What to look for; at least one.
    pub detections: Vec<LoadedDetection>,
    /// What was found in directories of detections and is not looked for.
    pub not_run: NotRun,
    /// What is known at the site and no match, in the order in which it was given.
    pub exclusions: Vec<LoadedExclusion>,
    /// What becomes of the rows of excluded matches.
    pub excluded_rows: ExcludedRows,
    /// Where leads are looked for.
    pub leads: Leads,
    /// When.
    pub window: Window,
    /// Where the results go.
    pub output: OutputDirectory,
    /// What the tables depend on, besides the evidence: a sweep can be resumed only by one with the
    /// same.
    pub order: Vec<(&'static str, String)>,
    /// How many threads decode.
    pub threads: NonZeroUsize,
    /// How many of them may read at once; `None` for all.
    pub readers: Option<NonZeroUsize>,
    /// What is decoded.
    pub decoding: Decoding,
    /// Which chunks' records are held to their checksum.
    pub checksums: Checksums,
    /// Whether deleted records are looked for.
    pub recovery: Recovery,
    /// Whether the evidence is hashed.
    pub hashing: Hashing,
    /// What matches do to the exit status.
    pub on_match: OnMatch,
}

/// Where leads are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Leads {
    /// Nowhere.
    #[default]
    None,
    /// In the log of Windows' own DNS client.
    DnsClient,
}

/// Whether the evidence is hashed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hashing {
    /// No file is hashed.
    #[default]
    None,
    /// Each file is hashed by SHA-256.
    Sha256,
}

/// What is decoded. The matches are the same either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Decoding {
    /// What could match, and what is not understood without.
    #[default]
    Selected,
    /// Every record.
    Exhaustive,
}

/// What matches do to the exit status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnMatch {
    /// Nothing.
    #[default]
    Ignore,
    /// They make it 10.
    Fail,
}
