//! What the first reading of the evidence notes about matches and files for the later search for
//! processes: the processes of matches, and which files have records of which computers. The GUIDs
//! in process events are in [`super::links`].

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::event::{EventTime, Guid, SYSMON_CHANNEL};
use crate::sweep::hits::{EventWithHits, Role};
use crate::sweep::worker::FinishedUnit;

/// The number, from 0, of a computer, in the order in which computers were seen first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ComputerNumber(u32);

/// A computer that logged records.
#[derive(Debug)]
pub(super) struct WatchedComputer {
    /// The computer's name, in the letter case in which it was seen first.
    pub name: String,
    /// The time of the first record that Sysmon logged on the computer; `None` if none has a time.
    pub first_record: Option<EventTime>,
    /// The processes that made the matching queries on the computer, by GUID.
    seeds: BTreeSet<Guid>,
}

/// What is noted, while the evidence is read for the first time, for the search for the processes
/// of matches. Computers' names are compared without regard to letter case.
#[derive(Debug, Default)]
pub(super) struct Watched {
    numbers: HashMap<Box<str>, ComputerNumber>,
    computers: Vec<WatchedComputer>,
    /// Pairs of a file, by its position among all files, and a computer: the file has Sysmon
    /// records, or matches, of the computer. In the order in which they were noted; a pair can be
    /// there twice.
    files: Vec<(u32, ComputerNumber)>,
    /// The files in which anything is damaged.
    damaged: HashSet<u32>,
}

impl Watched {
    /// Notes a finished unit (a block of a file): its computers, and the processes of its matches.
    pub(super) fn add(&mut self, done: &FinishedUnit<'_>) {
        let file = file_number(done.number);
        for (computer, counts) in &done.part.tally.computers {
            if counts.sysmon_records > 0 {
                self.note(file, computer);
            }
        }
        for (computer, channel, runs) in done.part.tally.logs.iter() {
            if channel.eq_ignore_ascii_case(SYSMON_CHANNEL) {
                let first = runs.as_slice().iter().filter_map(|run| run.first_time).min();
                let known = &mut self.entry(computer).1.first_record;
                *known = [*known, first].into_iter().flatten().min();
            }
        }
        if !done.part.problems.is_empty() {
            self.damaged.insert(file);
        }
        self.add_matches(done.number, &done.detected);
    }

    /// Notes the processes of those of `events` that are matches. All events must be of one file;
    /// `file` is its position among all files of the sweep.
    pub(super) fn add_matches(&mut self, file: usize, events: &[EventWithHits<'_>]) {
        let is_match = |event: &&EventWithHits<'_>| {
            event.role == Role::Match && event.hits.iter().any(|hit| hit.excluded_by.is_none())
        };
        for EventWithHits { located, .. } in events.iter().filter(is_match) {
            let computer = &located.event.system.computer;
            let guid = located.event.get("ProcessGuid").and_then(Guid::parse);
            if let Some(guid) = guid.filter(|guid| *guid != Guid::NIL) {
                self.note(file_number(file), computer);
                self.entry(computer).1.seeds.insert(guid);
            }
        }
    }

    fn entry(&mut self, name: &str) -> (ComputerNumber, &mut WatchedComputer) {
        let known = name.to_lowercase();
        let next = u32::try_from(self.computers.len()).expect("computers with records fit into memory");
        let number = *self.numbers.entry(known.into()).or_insert(ComputerNumber(next));
        if number.0 == next {
            let new = WatchedComputer { name: name.to_owned(), first_record: None, seeds: BTreeSet::new() };
            self.computers.push(new);
        }
        let computer = self.computers.get_mut(number.0 as usize);
        (number, computer.expect("each number is that of a computer"))
    }

    fn note(&mut self, file: u32, computer: &str) {
        let number = self.entry(computer).0;
        let known = self.files.iter().rev().take_while(|(known, _)| *known == file);
        if !known.clone().any(|(_, known)| *known == number) {
            self.files.push((file, number));
        }
    }

    /// Returns the number of the computer with this name, in any letter case; `None` if it logged
    /// nothing with Sysmon.
    pub(super) fn number(&self, name: &str) -> Option<ComputerNumber> {
        self.numbers.get(name.to_lowercase().as_str()).copied()
    }

    /// Returns the computer with this number.
    pub(super) fn computer(&self, ComputerNumber(number): ComputerNumber) -> &WatchedComputer {
        self.computers.get(number as usize).expect("each number is that of a computer")
    }

    /// Returns true if the computer with this number has a match whose event states the GUID of the
    /// process that made the query.
    pub(super) fn has_seeds(&self, number: ComputerNumber) -> bool {
        !self.computer(number).seeds.is_empty()
    }

    /// Returns the processes that made the matching queries, by GUID, each with the number of its
    /// computer.
    pub(super) fn seeds(&self) -> impl Iterator<Item = (ComputerNumber, Guid)> {
        (0..).zip(&self.computers).flat_map(|(number, computer)| {
            computer.seeds.iter().map(move |guid| (ComputerNumber(number), *guid))
        })
    }

    /// Returns each pair of a computer that has matches and a file with its records: the computer,
    /// the file's position among all files, and true if anything is damaged in the file.
    pub(super) fn files_of_matches(&self) -> impl Iterator<Item = (ComputerNumber, usize, bool)> {
        let of_matches = self.files.iter().filter(|(_, computer)| self.has_seeds(*computer));
        of_matches.map(|(file, computer)| (*computer, *file as usize, self.damaged.contains(file)))
    }

    /// Returns the files that are to be searched for processes, by their positions among all files,
    /// in ascending order: those with records of computers that have matches.
    pub(super) fn files(&self) -> BTreeSet<usize> {
        self.files_of_matches().map(|(_, file, _)| file).collect()
    }
}

fn file_number(position: usize) -> u32 {
    u32::try_from(position).expect("a sweep lists fewer files than fit into memory")
}
