//! Collects what the first reading of the evidence notes for the later search for the processes of
//! matches: what [`super::watched`] and [`super::links`] keep, from one block after the other.

use std::path::Path;

use super::links::{EncodedLinks, LinkSpool, ProcessPlace};
use super::watched::Watched;
use crate::error::SweepError;
use crate::sweep::hits::EventWithHits;
use crate::sweep::worker::FinishedUnit;

/// The GUIDs in Sysmon's process events (a process was created, a process ended) of a unit of work
/// (a block of a file).
#[derive(Debug, Default)]
pub(in crate::sweep) enum UnitLinks {
    /// The GUIDs were not noted: the block's result comes from a journal, the block could not be
    /// read whole, or its process events must be decoded. If they are needed, the block is read
    /// again. The blocks of a merge are never read; their process events lie in parts.
    #[default]
    NotNoted,
    /// The GUIDs in all process events of the block.
    Noted(EncodedLinks),
}

/// What is noted while the evidence is read for the first time, for the search for the processes of
/// matches.
#[derive(Debug)]
pub(in crate::sweep) struct FirstReading {
    pub(super) watched: Watched,
    /// The GUIDs in Sysmon's process events (a process was created, a process ended).
    pub(super) links: LinkSpool,
    /// The blocks of files in which the GUIDs of process events were not noted, in evidence order.
    pub(super) not_noted: Vec<ProcessPlace>,
}

impl FirstReading {
    /// Makes a collection in which nothing is noted yet. If the GUIDs of process events take too
    /// much memory, they are kept in a temporary file in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        FirstReading { watched: Watched::default(), links: LinkSpool::new(folder), not_noted: Vec::new() }
    }

    /// Notes what a finished unit (a block of a file) has of computers, processes of matches, and
    /// GUIDs in process events. Must be called in evidence order.
    pub(in crate::sweep) fn add(&mut self, done: &FinishedUnit<'_>) -> Result<(), SweepError> {
        self.watched.add(done);
        match &done.links {
            UnitLinks::Noted(links) => self.links.add(links)?,
            UnitLinks::NotNoted => {
                let place = ProcessPlace::new(done.number, done.block.start, done.block.end);
                self.not_noted.push(place);
            }
        }
        Ok(())
    }

    /// Notes, for the later search for processes, the process of each event in `events` that is a
    /// match. Other events, such as leads (queries of Windows' own DNS client that a detection
    /// describes), are left out. All events must be of one file; `file` is its position among all
    /// files of the sweep.
    pub(in crate::sweep) fn add_matches(&mut self, file: usize, events: &[EventWithHits<'_>]) {
        self.watched.add_matches(file, events);
    }
}
