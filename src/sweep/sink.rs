//! Where the matches of a sweep go: into an output directory, to the caller one by one, or nowhere
//! but into its counts.

use std::fmt;

use super::detector::Detector;
use super::hits::{Detected, Role};
use crate::base::digest::Sha256Digest;
use crate::detect::Detection;
use crate::error::{SinkError, SweepError};
use crate::event::Event;
use crate::ledger::damage::Integrity;
use crate::output::OutputDirectory;
use crate::report::Occurrence;
use crate::scan::Location;

/// Takes a match.
pub type TakeMatch<'s> = &'s mut dyn FnMut(&Match<'_>) -> Result<(), SinkError>;

/// Where the matches of a sweep go. They come in evidence order, whatever the number of threads.
pub enum Sink<'s> {
    /// Into tables, with all else that a sweep finds out.
    Directory(OutputDirectory),
    /// To the caller, one by one as they are found: copies of an event too, and last those among
    /// deleted records. What exclusions take away is none of them, and leads are not.
    Each(TakeMatch<'s>),
    /// Nowhere: they are counted, as with every sink, in the outcome's totals.
    Count,
}

impl fmt::Debug for Sink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sink::Directory(_) => "Directory",
            Sink::Each(_) => "Each",
            Sink::Count => "Count",
        })
    }
}

/// A match: an event that at least one detection describes and no exclusion takes away.
#[derive(Debug, Clone)]
pub struct Match<'a> {
    /// The event.
    pub event: &'a Event,
    /// The detections that describe it, in the order in which they were given.
    pub detections: Vec<&'a Detection>,
    /// The piece of evidence: usually a folder per machine.
    pub evidence: &'a str,
    /// The file, from its root.
    pub source_path: &'a str,
    /// Where in the file the record lies.
    pub location: Location,
    /// What is known of the bytes there.
    pub integrity: Integrity,
    /// Whether it is the first of its kind, a copy of an earlier one, or a deleted record.
    pub occurrence: Occurrence,
    /// A hash of what the event says: the same for its copies.
    pub event_hash: Sha256Digest,
}

/// Hands the matches among events of one file to the caller.
pub(super) fn hand_over(
    take: &mut TakeMatch<'_>,
    detector: &Detector<'_>,
    (evidence, source_path): (&str, &str),
    events: &[Detected],
) -> Result<(), SweepError> {
    for Detected { located, hash, occurrence, hits } in events {
        let hits = hits.iter().filter(|hit| hit.excluded_by.is_none());
        let detections: Vec<&Detection> = hits.map(|hit| detector.detection(hit.detection)).collect();
        if detections.is_empty() || Role::of(&located.event) == Role::Lead {
            continue;
        }
        let found = Match {
            event: &located.event,
            detections,
            evidence,
            source_path,
            location: located.location,
            integrity: located.integrity,
            occurrence: *occurrence,
            event_hash: *hash,
        };
        take(&found).map_err(SweepError::Sink)?;
    }
    Ok(())
}
