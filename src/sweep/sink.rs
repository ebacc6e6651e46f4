//! Sinks: where the matches of a sweep go. That is an output directory, a function of the caller,
//! or nowhere, so that only the counts are kept.

use std::fmt;

use super::detector::Detector;
use super::hits::{EventWithHits, Role};
use crate::base::digest::Sha256Digest;
use crate::detect::Detection;
use crate::error::{SinkError, SweepError};
use crate::event::Event;
use crate::ledger::damage::Integrity;
use crate::output::OutputDirectory;
use crate::report::Occurrence;
use crate::scan::Location;

/// A function of the caller that takes each match, one by one. An error that it returns ends the
/// sweep.
pub type TakeMatch<'s> = &'s mut dyn FnMut(&Match<'_>) -> Result<(), SinkError>;

/// Where the matches of a sweep go. They come in evidence order (that of the roots, files and
/// records), with any number of threads.
pub enum Sink<'s> {
    /// The matches go into the tables of an output directory, together with all other results of
    /// the sweep.
    Directory(OutputDirectory),
    /// The matches go to a function of the caller, one by one as they are found, including copies
    /// of an event. Matches among deleted records come last. The function gets neither leads
    /// (queries of Windows' own DNS client that a detection describes) nor events that exclusions
    /// (the user's descriptions of harmless events) remove.
    Each(TakeMatch<'s>),
    /// The matches go nowhere. As with every sink, they are counted in the totals of the
    /// [`Outcome`](super::Outcome).
    Count,
}

impl<'s> Sink<'s> {
    /// Returns the output directory, or the function of the caller; neither if matches are only
    /// counted.
    pub(super) fn parts(self) -> (Option<OutputDirectory>, Option<TakeMatch<'s>>) {
        match self {
            Sink::Directory(output) => (Some(output), None),
            Sink::Each(take) => (None, Some(take)),
            Sink::Count => (None, None),
        }
    }
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

/// A match: a DNS query that at least one detection describes, and that no exclusion (the user's
/// description of harmless events) removes from that detection's matches.
#[derive(Debug, Clone)]
pub struct Match<'a> {
    /// The Sysmon DNS query that the detections describe.
    pub event: &'a Event,
    /// The detections that describe the event, in the order in which they were given. Detections
    /// for which an exclusion removes the event are left out.
    pub detections: Vec<&'a Detection>,
    /// The name of the piece of evidence that contains the event's file. A piece is usually what
    /// was collected from one machine.
    pub evidence: &'a str,
    /// The path of the event's file from its root, the folder or file of evidence that the user
    /// named.
    pub source_path: &'a str,
    /// The place of the event's record in the file.
    pub location: Location,
    /// How far the bytes of the event's record can be trusted.
    pub integrity: Integrity,
    /// Whether the event is seen for the first time, is a copy of an earlier one, or was found in
    /// deleted records only.
    pub occurrence: Occurrence,
    /// A hash of the event's content. All copies of an event have the same hash.
    pub event_hash: Sha256Digest,
}

/// Passes the matches among `events`, which are events of one file, to the caller's function
/// `take`.
pub(super) fn hand_over(
    take: &mut TakeMatch<'_>,
    detector: &Detector<'_>,
    (evidence, source_path): (&str, &str),
    events: &[EventWithHits<'_>],
) -> Result<(), SweepError> {
    for EventWithHits { located, hash, occurrence, role, hits } in events {
        let hits = hits.iter().filter(|hit| hit.excluded_by.is_none());
        let detections: Vec<&Detection> = hits.map(|hit| detector.detection(hit.detection)).collect();
        if detections.is_empty() || *role == Role::Lead {
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
