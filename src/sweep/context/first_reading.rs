//! Collects all that the first reading of the evidence notes for the search of processes: what
//! [`super::watched`] and [`super::links`] keep, each from the results of one block after the other.

use std::path::Path;

use super::links::{EncodedLinks, LinkSpool, ProcessPlace};
use super::watched::Watched;
use crate::error::SweepError;
use crate::sweep::hits::EventWithHits;
use crate::sweep::worker::FinishedUnit;

/// The GUIDs in the process events of a unit of work (a block of a file).
#[derive(Debug, Default)]
pub(in crate::sweep) enum UnitLinks {
    /// The GUIDs were not noted. If they are needed, the block is read again: it comes from a
    /// journal, it could not be read whole, or its process events must be decoded. The blocks of a
    /// merge are never read; their process events lie in parts.
    #[default]
    NotNoted,
    /// The GUIDs in all process events of the block.
    Noted(EncodedLinks),
}

/// What is noted while the evidence is read for the first time.
#[derive(Debug)]
pub(in crate::sweep) struct FirstReading {
    pub(super) watched: Watched,
    /// The GUIDs in process events.
    pub(super) links: LinkSpool,
    /// The blocks whose GUIDs were not noted, in evidence order.
    pub(super) not_noted: Vec<ProcessPlace>,
}

impl FirstReading {
    /// Begins a first reading. What does not fit into memory lies in a temporary file in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        FirstReading { watched: Watched::default(), links: LinkSpool::new(folder), not_noted: Vec::new() }
    }

    /// Notes a finished unit (a block of a file). Must be called in evidence order.
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

    /// Notes the processes of those events of a file that are matches. The file is given by its
    /// position among all files.
    pub(in crate::sweep) fn add_matches(&mut self, file: usize, events: &[EventWithHits<'_>]) {
        self.watched.add_matches(file, events);
    }
}
