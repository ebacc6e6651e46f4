//! Puts the found process events together: for each process, which event 1 (a process was created)
//! is shown, how many copies and contradictions of it there are, and when the process ended.

use std::collections::BTreeMap;

use super::watched::ComputerNumber;
use crate::base::digest::Sha256Digest;
use crate::event::{EventTime, Guid, PROCESS_CREATION};
use crate::ledger::damage::Integrity;
use crate::report::event_hash;
use crate::scan::{LocatedEvent, ProcessLink, ProcessSearch};

/// Sysmon's event 1 (a process was created) of a process, and where it was found.
#[derive(Debug)]
pub(in crate::sweep) struct Creation {
    /// The position of the event's file among all files of the sweep.
    pub number: usize,
    pub located: LocatedEvent,
    /// The hash of the event's content.
    pub hash: Sha256Digest,
}

/// What the found events of one process say. Events in live records and events in deleted records
/// have an account each.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The first event 1 (a process was created) of the process, in evidence order; `None` if there
    /// is none.
    pub creation: Option<Creation>,
    /// The number of copies of the event in `creation`: other records with the same content.
    pub copies: u64,
    /// The number of further events 1 (a process was created) of the process that differ in content
    /// from the event in `creation`.
    pub conflicts: u64,
    /// The time of the first event 5 (a process ended) of the process, in evidence order, whose
    /// time can be read; `None` if there is none.
    pub end: Option<EventTime>,
}

/// What the found process events (event 1, a process was created; event 5, a process ended) say of
/// one process. Events in deleted records count only where live ones say nothing.
#[derive(Debug, Default)]
pub(super) struct Known {
    live: Account,
    recovered: Account,
}

/// The processes whose events (event 1, a process was created; event 5, a process ended) were
/// found, each with what its events say.
#[derive(Debug, Default)]
pub(super) struct Creations(BTreeMap<(ComputerNumber, Guid), Known>);

impl Creations {
    /// Adds those of the process events `events` that `search` describes, if `is_watched` returns a
    /// number for their computer. All must be of one file, whose position among all files of the
    /// sweep is `number`. Must be called in evidence order.
    pub(super) fn add(
        &mut self,
        (number, events): (usize, Vec<LocatedEvent>),
        search: &ProcessSearch,
        is_watched: impl Fn(&str) -> Option<ComputerNumber>,
    ) {
        for located in events {
            let process = ProcessLink::of(&located.event).map(|link| link.process);
            let Some(process) = process.filter(|process| search.includes(*process)) else { continue };
            let Some(computer) = is_watched(&located.event.system.computer) else { continue };
            let known = self.0.entry((computer, process)).or_default();
            let is_recovered = matches!(located.integrity, Integrity::Recovered(_));
            if is_recovered { &mut known.recovered } else { &mut known.live }.add(number, located);
        }
    }

    /// Returns what the found events say of a process; `None` if none of its events was found.
    pub(super) fn get(&self, computer: ComputerNumber, process: Guid) -> Option<&Known> {
        self.0.get(&(computer, process))
    }

    /// Removes and returns what the found events say of a process; `None` if none of its events was
    /// found.
    pub(super) fn take(&mut self, computer: ComputerNumber, process: Guid) -> Option<Known> {
        self.0.remove(&(computer, process))
    }
}

impl Account {
    fn add(&mut self, number: usize, located: LocatedEvent) {
        if !located.event.is(&PROCESS_CREATION) {
            let end = located.event.utc_time().and_then(EventTime::parse_logged);
            self.end = self.end.or(end);
            return;
        }
        let hash = event_hash(&located.event);
        match &self.creation {
            None => self.creation = Some(Creation { number, located, hash }),
            Some(first) if first.hash == hash => self.copies += 1,
            Some(_) => self.conflicts += 1,
        }
    }
}

impl Known {
    /// Returns the GUID of the process's parent; `None` if no event states it.
    pub(super) fn parent(&self) -> Option<Guid> {
        let creation = self.live.creation.as_ref().or(self.recovered.creation.as_ref())?;
        let link = ProcessLink::of(&creation.located.event);
        link.map(|link| link.parent).filter(|parent| *parent != Guid::NIL)
    }

    /// Returns what live records (those that were not deleted) say of the process. What they do not
    /// say, its creation or its end, is taken from deleted records.
    pub(super) fn settle(self) -> Account {
        let Known { live, recovered } = self;
        let end = live.end.or(recovered.end);
        let account = if live.creation.is_some() { live } else { recovered };
        Account { end, ..account }
    }
}
