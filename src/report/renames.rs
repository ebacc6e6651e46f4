//! Which names in a file are those of one machine, which was renamed while its log went on; and
//! what its logs are then.
//!
//! Windows numbers the events of a log on a machine one after the other, whatever the machine is
//! called. In the machine's own log the number in the header of each record is that of its event,
//! whatever channel the event names. A collector and an export number the headers anew; and a
//! collector's log holds the numbers of each machine by themselves.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::file::{FileReport, Header};
use crate::ledger::record_ids::{IdRun, IdRuns};

/// The most names that one machine can have in a file. Where there are more, they are those of many
/// machines.
const MOST_NAMES: usize = 16;
/// How many events there are at least, on average, from one change of the name to the next: in a
/// machine's own log, and in any other.
const LEAST_EVENTS: [u64; 2] = [2, 4];
/// How often each name is used at most, on average: the first name of a machine can come back once
/// while Windows is being set up. MachineNames that take turns are those of machines that send
/// their events to one collector.
const MOST_TURNS: u64 = 2;
/// A file whose records have headers that were numbered anew is not a machine's own log; of those
/// in which one in so many has, something was damaged or changed.
const FEW: u64 = 10;

/// A name as a host is known by it: Windows does not distinguish names by case.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Whether the file is a log that machines themselves wrote, so that no number should be missing:
/// no export, nothing that a collector wrote, and no rendering.
pub(super) fn is_own_log(file: &FileReport) -> bool {
    let tally = &file.tally;
    !matches!(file.header, Header::Xml | Header::Carved)
        && tally.renumbered_records.saturating_mul(FEW) <= tally.counts.records
}

/// The channel by which a machine's own log is known: the one that most of its events name.
pub(super) fn own_channel(file: &FileReport) -> Option<&str> {
    let mut events: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, channel, runs) in file.tally.logs.iter().filter(|_| is_own_log(file)) {
        let count = events.entry(channel).or_default();
        *count = runs.as_slice().iter().fold(*count, |sum, run| sum.saturating_add(run.length()));
    }
    let most = events.iter().rev().max_by_key(|(_, count)| **count);
    most.map(|(channel, _)| *channel)
}

/// The names of a file, each with the place in the list of one that stands for its machine: its own
/// if it was not renamed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MachineNames<'a> {
    names: Vec<&'a str>,
    machines: Vec<usize>,
}

impl<'a> MachineNames<'a> {
    /// Those of a file.
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

    /// Whether all are names of one machine.
    pub(super) fn is_one_machine(&self) -> bool {
        self.machines.iter().all(|machine| *machine == 0)
    }

    /// The pairs of names of one machine that differ in more than case, as many as are needed to
    /// join them all.
    pub(super) fn renamed(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.names.iter().zip(&self.machines).filter_map(|(name, machine)| {
            let first = self.names.get(*machine)?;
            Some((folded(first), folded(name)))
        });
        pairs.filter(|(first, name)| first != name)
    }

    /// The logs of the file, where some have several names or channels: the name that stands for
    /// the machine, the channel that stands for the log, and the numbers of all of them. `None`
    /// where each log has one of each.
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

    /// Joins names that differ in case only.
    fn join_spellings(&mut self) {
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (place, name) in self.names.iter().enumerate() {
            let first = *known.entry(folded(name)).or_insert(place);
            if let Some(machine) = self.machines.get_mut(place) {
                *machine = first;
            }
        }
    }

    /// Joins names that a log goes on under.
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

    /// Makes one machine of two; the first of their names stands for it.
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

/// Whether runs of numbers, in their order, each with the machine that its events name, are those
/// of one log of one machine. Where the file is not the machine's own log, the numbers must go on
/// from one name to the next without a gap.
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

    /// A file with records of these Computers and numbers, all of one channel, whose headers are
    /// numbered from `header_id` on.
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

    /// The names that are joined, and how many gaps the logs have.
    fn joined(file: &FileReport) -> (Vec<(String, String)>, Vec<u64>) {
        let names = MachineNames::of(file);
        let apart = || file.tally.logs.iter().map(|(_, _, runs)| runs.gap_count()).collect();
        let joined = |logs: Vec<(_, _, IdRuns)>| logs.iter().map(|(_, _, runs)| runs.gap_count()).collect();
        let gaps = names.joined_logs(file).map_or_else(apart, joined);
        (names.renamed().collect(), gaps)
    }

    #[test]
    fn a_machine_that_is_renamed_goes_on_counting() {
        let renamed = [("WIN-A", 1..=1), ("DESKTOP", 2..=10), ("WIN-A", 11..=33)];
        let pair = ("desktop".to_owned(), "win-a".to_owned());
        // Its own log, and an export of it.
        for header_id in [1, 500] {
            assert_eq!(joined(&file(header_id, &renamed)), (vec![pair.clone()], vec![0]), "{header_id}");
        }
        // Its own log from which some are missing: the headers have the same numbers.
        let mut lossy = file(1, &[("WIN-A", 1..=10)]);
        lossy.tally.merge(file(15, &[("DESKTOP", 15..=30)]).tally);
        assert_eq!(joined(&lossy), (vec![pair], vec![1]));
    }

    #[test]
    fn machines_of_a_collector_count_by_themselves() {
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
        // A collector that keeps the numbers of the headers, of which three machines send in turn.
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
        let told: Vec<_> =
            logs.iter().map(|(name, channel, runs)| (*name, *channel, runs.gap_count())).collect();
        assert_eq!(told, [("A", "Application", 0)]);
        // In an export, each channel has numbers of its own.
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
