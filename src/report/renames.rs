//! Recognises renamed machines: finds which names (Computers) in a file belong to one machine whose
//! log continued under a new name, and joins the logs of these names.
//!
//! Windows numbers the events of a log on a machine one after the other, even after the machine was
//! renamed. In a machine's own log, the number in each record's header is the EventRecordID, even
//! if the event names another channel. Collectors and exports number the headers anew, and a
//! collector's log has a separate sequence of EventRecordIDs for each machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::file::{FileReport, Header};
use crate::ledger::record_ids::{IdRun, IdRuns};

/// The maximum number of names that one machine can have had in a file. If a file has more names,
/// its records are those of several machines.
const MOST_NAMES: usize = 16;
/// The smallest number of events, on average, between two changes of the computer's name in a file
/// of one renamed machine. The first number is for a log that the machine wrote itself, the second
/// for any other file.
///
/// If the name changes more often, the file contains logs of several machines.
const LEAST_EVENTS: [u64; 2] = [2, 4];
/// The records of a renamed machine's log form sequences in which the computer's name stays the
/// same. The log has fewer than this many sequences per name, because a machine's first name can
/// come back only once, while Windows is set up. Names that alternate more often belong to machines
/// that send their events to one collector.
const MOST_TURNS: u64 = 2;
/// In a log that a machine wrote itself, at most one record in this many has another number in its
/// header than its EventRecordID. A few come from damage or changes; in exports, nearly all records
/// are like that.
const FEW: u64 = 10;

/// Returns a Computer in lower case. This form identifies a host, because Windows does not
/// distinguish case in names.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Returns true if the file is a log that a machine wrote itself, so that no EventRecordID should
/// be missing. Returns false for exports, event XML, collectors' logs, and files searched for
/// chunks (`--carve`).
pub(super) fn is_own_log(file: &FileReport) -> bool {
    let tally = &file.tally;
    !matches!(file.header, Header::Xml | Header::Carved)
        && tally.renumbered_records.saturating_mul(FEW) <= tally.counts.records
}

/// Returns the channel of a log that a machine wrote itself: the one that most of its events name.
/// `None` for any other file, such as an export, and if no event of the log is known.
pub(super) fn own_channel(file: &FileReport) -> Option<&str> {
    let mut events: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, channel, runs) in file.tally.logs.iter().filter(|_| is_own_log(file)) {
        let count = events.entry(channel).or_default();
        *count = runs.as_slice().iter().fold(*count, |sum, run| sum.saturating_add(run.length()));
    }
    let most = events.iter().rev().max_by_key(|(_, count)| **count);
    most.map(|(channel, _)| *channel)
}

/// The computers' names in a file, and which of them belong to one machine. All names of a machine
/// have an equal number: the index of the machine's first name in the sorted list of names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MachineNames<'a> {
    names: Vec<&'a str>,
    machines: Vec<usize>,
}

impl<'a> MachineNames<'a> {
    /// Reads the computers' names in a file, and joins the names that belong to one machine. If the
    /// file has more than [`MOST_NAMES`] names, none are joined.
    pub(super) fn of(file: &'a FileReport) -> Self {
        let names: Vec<&str> = file.tally.computers.keys().map(|name| &**name).collect();
        let machines = (0..names.len()).collect();
        let mut names = MachineNames { names, machines };
        if (2..=MOST_NAMES).contains(&names.names.len()) {
            names.join_spellings();
            names.join_renamed(file);
        }
        names
    }

    /// Returns true if all names in the file belong to one machine.
    pub(super) fn is_one_machine(&self) -> bool {
        self.machines.iter().all(|machine| *machine == 0)
    }

    /// Returns pairs of names (in lower case) of one renamed machine. The pairs are enough to join
    /// all names of each machine. Names that differ only in case give no pair.
    pub(super) fn renamed(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.names.iter().zip(&self.machines).filter_map(|(name, machine)| {
            let first = self.names.get(*machine)?;
            Some((folded(first), folded(name)))
        });
        pairs.filter(|(first, name)| first != name)
    }

    /// Returns the logs of the file, after joining those that are one log because their names
    /// belong to one machine, or because the machine wrote them itself as one log with several
    /// channels. Each log is given as the machine's name, the channel, and the EventRecordIDs.
    /// `None` if no logs have to be joined; the logs are then those in `file.tally.logs`.
    pub(super) fn joined_logs(&self, file: &'a FileReport) -> Option<Vec<(&'a str, &'a str, IdRuns)>> {
        let own =
            own_channel(file).filter(|own| file.tally.logs.iter().any(|(_, channel, _)| channel != *own));
        if own.is_none()
            && self.machines.iter().zip(0..).all(|(machine, place): (_, usize)| *machine == place)
        {
            return None;
        }
        let mut logs: BTreeMap<(&str, &str), IdRuns> = BTreeMap::new();
        let machine = |computer: &str| {
            let place = self.names.binary_search(&computer).ok()?;
            self.names.get(*self.machines.get(place)?).copied()
        };
        for (computer, channel, runs) in file.tally.logs.iter() {
            let key = (machine(computer).unwrap_or(computer), own.unwrap_or(channel));
            logs.entry(key).or_default().merge(runs);
        }
        Some(logs.into_iter().map(|((computer, channel), runs)| (computer, channel, runs)).collect())
    }

    /// Joins the names in the file that differ only in case, because they belong to one machine.
    fn join_spellings(&mut self) {
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (place, name) in self.names.iter().enumerate() {
            let first = *known.entry(folded(name)).or_insert(place);
            if let Some(machine) = self.machines.get_mut(place) {
                *machine = first;
            }
        }
    }

    /// Joins names in the file if a log continues from one to the next, because they then belong to
    /// one renamed machine.
    fn join_renamed(&mut self, file: &FileReport) {
        let is_own = is_own_log(file);
        let mut channels: BTreeMap<&str, Vec<(IdRun, usize)>> = BTreeMap::new();
        for (computer, channel, known) in file.tally.logs.iter() {
            let place = self.names.binary_search(&computer).unwrap_or_default();
            let machine = self.machines.get(place).copied().unwrap_or_default();
            let runs = channels.entry(if is_own { "" } else { channel }).or_default();
            runs.extend(known.as_slice().iter().map(|run| (*run, machine)));
        }
        for mut runs in channels.into_values() {
            runs.sort_by_key(|(run, _)| run.first);
            if goes_on(&runs, is_own) {
                for (_, machine) in &runs {
                    self.join(*machine, runs.first().map_or(*machine, |(_, first)| *first));
                }
            }
        }
    }

    /// Makes one machine of the two machines that two names belong to. `one` and `other` are the
    /// indexes of the names. The machine's number then is the lowest index among all of its names.
    fn join(&mut self, one: usize, other: usize) {
        let machine = |place: usize| self.machines.get(place).copied().unwrap_or(place);
        let (one, other) = (machine(one), machine(other));
        for machine in &mut self.machines {
            if *machine == one || *machine == other {
                *machine = one.min(other);
            }
        }
    }
}

/// Returns true if all `runs` of consecutive EventRecordIDs belong to one log of one machine, so
/// that the different names in it are those of a renamed machine. The runs are sorted, and each
/// comes with the number of the machine that its events name. `is_own` is true for a log that a
/// machine wrote itself. In any other file, the numbers must continue from one name to the next
/// without a gap.
fn goes_on(runs: &[(IdRun, usize)], is_own: bool) -> bool {
    let mut blocks = 1_u64;
    let mut events = 0_u64;
    let mut machines = BTreeSet::new();
    for (run, machine) in runs {
        events = events.saturating_add(run.length());
        machines.insert(machine);
    }
    for pair in runs.windows(2) {
        let [(one, machine), (next, next_machine)] = pair else { continue };
        if next.first <= one.last {
            return false;
        }
        if machine != next_machine {
            blocks += 1;
            if !is_own && one.last.checked_add(1) != Some(next.first) {
                return false;
            }
        }
    }
    let [own, other] = LEAST_EVENTS;
    let turns = MOST_TURNS.saturating_mul(machines.len() as u64);
    blocks < turns.max(2) && events >= blocks.saturating_mul(if is_own { own } else { other })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{System, Window};

    /// Makes a file with records of these Computers and EventRecordIDs, all of one channel. The
    /// headers of the records are numbered from `header_id` on.
    fn file(header_id: u64, records: &[(&str, std::ops::RangeInclusive<u64>)]) -> FileReport {
        let mut file = FileReport { header: Header::Clean, ..FileReport::default() };
        let mut header_id = header_id;
        for (computer, numbers) in records {
            for number in numbers.clone() {
                let system = System {
                    computer: (*computer).to_owned(),
                    channel: "Application".to_owned(),
                    event_record_id: Some(number),
                    ..System::default()
                };
                file.tally.add(&system, &Window::default());
                file.tally.note_number(header_id, &system, true);
                header_id += 1;
            }
        }
        file
    }

    /// Returns the pairs of names that are joined, and how many gaps each of the file's logs has in
    /// its EventRecordIDs.
    fn joined(file: &FileReport) -> (Vec<(String, String)>, Vec<u64>) {
        let names = MachineNames::of(file);
        let apart = || file.tally.logs.iter().map(|(_, _, runs)| runs.gap_count()).collect();
        let joined = |logs: Vec<(_, _, IdRuns)>| logs.iter().map(|(_, _, runs)| runs.gap_count()).collect();
        let gaps = names.joined_logs(file).map_or_else(apart, joined);
        (names.renamed().collect(), gaps)
    }

    #[test]
    fn a_renamed_machine_continues_its_numbers() {
        let renamed = [("WIN-A", 1..=1), ("DESKTOP", 2..=10), ("WIN-A", 11..=33)];
        let pair = ("desktop".to_owned(), "win-a".to_owned());
        // The machine's own log, and an export of it.
        for header_id in [1, 500] {
            assert_eq!(joined(&file(header_id, &renamed)), (vec![pair.clone()], vec![0]), "{header_id}");
        }
        // A machine's own log from which some records are missing: headers and events have the same
        // numbers.
        let mut lossy = file(1, &[("WIN-A", 1..=10)]);
        lossy.tally.merge(file(15, &[("DESKTOP", 15..=30)]).tally);
        assert_eq!(joined(&lossy), (vec![pair], vec![1]));
    }

    #[test]
    fn machines_of_a_collector_have_separate_numbers() {
        for collected in [
            [("A", 1..=10), ("B", 5..=20)],
            [("A", 1..=10), ("B", 300..=320)],
            // Numbers that follow one another by chance.
            [("A", 7..=7), ("B", 8..=8)],
        ] {
            let file = file(100, &collected);
            assert!(!is_own_log(&file) && !MachineNames::of(&file).is_one_machine());
            assert_eq!(joined(&file), (vec![], vec![0, 0]), "{collected:?}");
        }
        // A collector that keeps the numbers of the headers, and to which three machines send in
        // turn.
        let turns: Vec<_> = (0..30).map(|turn| (["A", "B", "C"][turn % 3], turn as u64 * 4)).collect();
        let turns: Vec<_> = turns.iter().map(|(name, first)| (*name, first + 1..=first + 4)).collect();
        assert_eq!(joined(&file(1, &turns)).0, []);
        let many: Vec<String> = (0..400).map(|number| format!("H{number}")).collect();
        let each: Vec<_> =
            many.iter().zip(1..).map(|(name, number)| (name.as_str(), number..=number)).collect();
        assert_eq!(joined(&file(1, &each)).0, []);
    }

    #[test]
    fn a_machines_own_log_is_one_whatever_channels_its_events_name() {
        let mut log = file(1, &[("A", 1..=9), ("A", 12..=20)]);
        let system = |id: u64, channel: &str| System {
            computer: "A".to_owned(),
            channel: channel.to_owned(),
            event_record_id: Some(id),
            ..System::default()
        };
        log.tally.renumbered_records = 0;
        log.tally.add(&system(10, ""), &Window::default());
        log.tally.add(&system(11, "Other"), &Window::default());
        assert_eq!(own_channel(&log), Some("Application"));
        let logs = MachineNames::of(&log).joined_logs(&log).unwrap();
        let logs: Vec<_> =
            logs.iter().map(|(name, channel, runs)| (*name, *channel, runs.gap_count())).collect();
        assert_eq!(logs, [("A", "Application", 0)]);
        // In an export, each channel has its own sequence of numbers.
        log.tally.renumbered_records = 20;
        assert_eq!((own_channel(&log), MachineNames::of(&log).joined_logs(&log)), (None, None));
    }

    #[test]
    fn names_that_differ_in_case_are_one() {
        let file = file(9, &[("Host", 1..=2), ("HOST", 5..=6), ("other", 70..=70)]);
        assert_eq!(joined(&file), (vec![], vec![1, 0]));
    }

    #[test]
    fn a_few_changed_headers_do_not_make_an_export() {
        let mut log = file(1, &[("A", 1..=100)]);
        log.tally.renumbered_records = 10;
        assert!(is_own_log(&log));
        log.tally.renumbered_records = 11;
        assert!(!is_own_log(&log));
        let rendered = FileReport { header: Header::Xml, ..file(1, &[("A", 1..=9)]) };
        assert!(!is_own_log(&rendered));
    }
}
