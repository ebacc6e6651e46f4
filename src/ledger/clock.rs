//! Clock steps: places in a log where the clock of the machine that wrote the log went back. They
//! show in the times in the headers of the log's records.
//!
//! A clock is set back by hand to make an event look older, or by time synchronisation after a
//! wrong start. In a log, the next record then has an earlier time. Several processes write to a
//! log, so records can also be out of order by a little when the clock was not set.

use crate::event::EventTime;

/// The least fall in time between two neighbouring records of a log that counts as a clock step:
/// one minute, in units of 100 ns. Several processes write to a log, so times fall by a little
/// although nobody set the clock.
const LEAST_STEP: u64 = 60 * 10_000_000;
/// The greatest number of clock steps (places where the clock went back) that are listed for one
/// file. Further clock steps are only counted, so that a file with a step at every record takes
/// little memory.
pub const MOST_STEPS: usize = 100;

/// A clock step: the clock went back between two neighbouring records of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ClockStep {
    /// The offset at which the record after the clock step starts, in bytes from the start of the
    /// file. In a [`Clock`] of a part of the file, from the start of that part.
    pub offset: u64,
    /// When the record before the clock step was written; `None` if the record's header states the
    /// year 9999 or later.
    pub from: Option<EventTime>,
    /// When the record after the clock step was written, which is earlier than `from`; `None` if
    /// the record's header states the year 9999 or later.
    pub to: Option<EventTime>,
}

/// The part of a record's header that shows clock steps: the record's number, and when it was
/// written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordHeader {
    /// The record's number in its header. In an exported log, it differs from the EventRecordID.
    pub header_id: u64,
    /// When the record was written, as a FILETIME: intervals of 100 ns since 1601.
    pub filetime: u64,
}

/// The clock steps in a part of a file: places where the clock of the machine that wrote the file
/// went back. They are found by comparing the header of each record with that of the record before
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Clock {
    /// The header of the first record in this part of the file, and the offset at which the record
    /// starts, in bytes from the start of the part; `None` if the part has no record. When two
    /// parts are joined, the last record of the earlier part is compared with this one.
    first: Option<(u64, RecordHeader)>,
    /// The header of the last record in this part of the file; `None` if the part has no record.
    last: Option<RecordHeader>,
    /// The first [`MOST_STEPS`] clock steps in this part of the file, in the order of the file.
    steps: Vec<ClockStep>,
    /// The number of all clock steps in this part of the file, including those that `steps` does
    /// not list.
    count: u64,
}

impl Clock {
    /// Forgets all records and clock steps, so that the memory of this value can be used for
    /// another part of a file.
    pub fn clear(&mut self) {
        (self.first, self.last, self.count) = (None, None, 0);
        self.steps.clear();
    }

    /// Adds the header of the next record in this part of the file. If the clock went back between
    /// the record before it and this record, also adds a clock step. `offset` is where the record
    /// starts, in bytes from the start of the part.
    #[inline]
    pub fn add(&mut self, offset: u64, header: RecordHeader) {
        match self.last {
            Some(last) => self.compare(offset, last, header),
            None => self.first = Some((offset, header)),
        }
        self.last = Some(header);
    }

    /// Adds the headers of consecutive records among which the clock did not go back: the caller
    /// must know that [`is_step`] is false for each two neighbours. Only the headers of the first
    /// and the last of these records are given. `offset` is where the first record starts, in bytes
    /// from the start of this part of the file.
    #[inline]
    pub fn add_steady(&mut self, offset: u64, first: RecordHeader, last: RecordHeader) {
        self.add(offset, first);
        self.last = Some(last);
    }

    /// Compares the headers of two neighbouring records. Adds a clock step if the time falls by a
    /// minute or more and the records' numbers are consecutive. Where a log wraps around or lost a
    /// part, the numbers are not consecutive, and a fall in time proves nothing. `offset` is where
    /// the record of `next` starts, in bytes from the start of this part of the file.
    #[inline]
    fn compare(&mut self, offset: u64, last: RecordHeader, next: RecordHeader) {
        if is_step(last, next) {
            self.compare_numbers(offset, last, next);
        }
    }

    /// Adds a clock step between two neighbouring records whose times fall by a minute or more, if
    /// the records' numbers are consecutive and the time of `next` is not 0. `offset` is where the
    /// record of `next` starts, in bytes from the start of this part of the file.
    fn compare_numbers(&mut self, offset: u64, last: RecordHeader, next: RecordHeader) {
        // Some programs that write logs leave the time of the last record at 0. That is not a step.
        if last.header_id.checked_add(1) == Some(next.header_id) && next.filetime > 0 {
            let [from, to] = [last, next].map(|header| EventTime::from_filetime(header.filetime));
            self.push(ClockStep { offset, from, to });
        }
    }

    fn push(&mut self, step: ClockStep) {
        self.count += 1;
        if self.steps.len() < MOST_STEPS {
            self.steps.push(step);
        }
    }

    /// Adds `later`, the clock of the next part of the file. `start` is added to its offsets: the
    /// offset in bytes, in this part of the file, from which the offsets in `later` count.
    /// Appending is associative: parts can be joined in groups, provided that their order stays.
    pub fn append(&mut self, start: u64, later: &Clock) {
        let Some((offset, first)) = later.first else { return };
        match self.last {
            Some(last) => self.compare(start + offset, last, first),
            None => self.first = Some((start + offset, first)),
        }
        self.last = later.last;
        for step in &later.steps {
            self.push(ClockStep { offset: start + step.offset, ..*step });
        }
        self.count += later.count - later.steps.len() as u64;
    }

    /// Corrects the offsets in a file that has no file header, but was read as if it had one.
    /// Applies `change` to the offset of the first record, and to those of all listed clock steps.
    pub fn change_offsets(&mut self, change: impl Fn(&mut u64)) {
        self.first.iter_mut().for_each(|(offset, _)| change(offset));
        self.steps.iter_mut().for_each(|step| change(&mut step.offset));
    }

    /// Returns the clock steps (places where the clock went back) of the file, or of the part of
    /// it, whose records were added: the first ones in file order, at most [`MOST_STEPS`].
    #[must_use]
    pub fn steps(&self) -> &[ClockStep] {
        &self.steps
    }

    /// Returns the number of all clock steps (places where the clock went back) of the file, or of
    /// the part of it, whose records were added. Clock steps that [`steps`](Self::steps) does not
    /// list are included.
    #[must_use]
    pub fn step_count(&self) -> u64 {
        self.count
    }
}

/// The greatest number of different clock steps (places in logs where the clock went back) that are
/// kept for one machine. If there are more, the latest ones are dropped. The limit bounds the
/// memory that a machine with many logs takes.
pub const MOST_MACHINE_STEPS: usize = 1_000;

/// The clock steps of one machine (places where its clock went back), found in all of its logs.
/// Merging is associative, commutative and idempotent, so a second copy of a log adds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineClock {
    /// The first [`MOST_MACHINE_STEPS`] different clock steps, sorted. Each is a pair: the time
    /// before the clock went back, and the earlier time afterwards.
    steps: Vec<(EventTime, EventTime)>,
    /// The greatest number of clock steps that a single file of the machine shows. Clock steps that
    /// `steps` does not keep, for example because their times cannot be read, are included.
    most: u64,
}

impl MachineClock {
    /// Returns the clock steps of one file of the machine, from the file's `clock`. Clock steps
    /// without a readable time are not listed, but counted.
    #[must_use]
    pub fn of(clock: &Clock) -> Self {
        let mut steps: Vec<_> = clock.steps.iter().filter_map(|step| step.from.zip(step.to)).collect();
        steps.sort_unstable();
        steps.dedup();
        MachineClock { steps, most: clock.count }
    }

    /// Adds the clock steps that other files of the machine show. A step that is already known is
    /// not added again.
    pub fn merge(&mut self, other: MachineClock) {
        self.most = self.most.max(other.most);
        if self.steps.is_empty() {
            self.steps = other.steps;
        } else if !other.steps.is_empty() {
            self.steps.extend(other.steps);
            self.steps.sort_unstable();
            self.steps.dedup();
            self.steps.truncate(MOST_MACHINE_STEPS);
        }
    }

    /// Returns the smallest number of times that the machine's clock can have gone back. Several
    /// logs can show one clock step with different times, because each shows only the times of its
    /// records before and after the step. So clock steps count as one if there is an instant that
    /// lies between the earlier and the later time of each of them.
    #[must_use]
    pub fn step_count(&self) -> u64 {
        // The smallest number of instants such that each step contains one of them (the steps are
        // sorted by `from`).
        let (mut count, mut instant) = (0, None);
        for (from, to) in &self.steps {
            if instant.is_none_or(|instant| *to > instant) {
                (count, instant) = (count + 1, Some(*from));
            }
        }
        self.most.max(count)
    }

    /// Returns the earliest clock step of the machine, as a pair: the time before the clock went
    /// back, and the earlier time afterwards. `None` if no clock step with readable times is known.
    #[must_use]
    pub fn first_step(&self) -> Option<(EventTime, EventTime)> {
        self.steps.first().copied()
    }
}

/// Returns true if the time falls by a minute or more from one record to the next. If the records
/// also have consecutive numbers, this is a clock step: the clock of the machine went back.
#[inline]
#[must_use]
pub fn is_step(last: RecordHeader, next: RecordHeader) -> bool {
    last.filetime.saturating_sub(next.filetime) >= LEAST_STEP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::FILETIME_OF_9999;
    use proptest::prelude::*;

    /// 2020-01-01T00:00:00Z as a FILETIME. [`HOUR`] is an hour in the same unit, 100 ns.
    const START: u64 = 132_223_104_000_000_000;
    const HOUR: u64 = 36_000_000_000;

    /// Returns the clock of records with these numbers and hours. Each record starts a byte after
    /// the one before.
    fn clock(records: &[(u64, u64)]) -> Clock {
        let mut clock = Clock::default();
        for (offset, (header_id, hour)) in records.iter().enumerate() {
            clock.add(offset as u64, RecordHeader { header_id: *header_id, filetime: START + hour * HOUR });
        }
        clock
    }

    fn appended(mut one: Clock, start: usize, other: &Clock) -> Clock {
        one.append(start as u64, other);
        one
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        /// The clock steps of a file are the same, whatever parts it is read in.
        #[test]
        fn parts_tell_what_the_whole_tells(
            records in prop::collection::vec((0..4_u64, 0..3_u64), 0..12),
            cuts in (0..12_usize, 0..12_usize),
        ) {
            let (one, other) = (cuts.0.min(cuts.1).min(records.len()), cuts.0.max(cuts.1).min(records.len()));
            let [head, middle, tail] = [0..one, one..other, other..records.len()].map(|range| clock(&records[range]));
            let left = appended(appended(head.clone(), one, &middle), other, &tail);
            prop_assert_eq!(&left, &clock(&records));
            prop_assert_eq!(&appended(head, one, &appended(middle, other - one, &tail)), &left);
        }
    }

    #[test]
    fn only_a_fall_between_neighbours_is_a_step() {
        let seen = clock(&[(1, 5), (2, 6), (3, 4), (4, 4), (9, 1), (10, 0)]);
        let at = |hour: u64| EventTime::from_filetime(START + hour * HOUR);
        let expected =
            [(2, 6, 4), (5, 1, 0)].map(|(offset, from, to)| ClockStep { offset, from: at(from), to: at(to) });
        assert_eq!(seen.steps(), expected);
        let mut wild = clock(&[]);
        for (number, filetime) in [(1, FILETIME_OF_9999), (2, START)] {
            wild.add(number, RecordHeader { header_id: number, filetime });
        }
        assert_eq!(wild.steps(), [ClockStep { offset: 2, from: None, to: at(0) }]);
        let mut little = clock(&[(1, 5)]);
        little.add(1, RecordHeader { header_id: 2, filetime: START + 5 * HOUR - LEAST_STEP + 1 });
        assert_eq!(little.step_count(), 0);
        let mut without_time = clock(&[(1, 5)]);
        without_time.add(1, RecordHeader { header_id: 2, filetime: 0 });
        assert_eq!(without_time.step_count(), 0);
    }

    fn machine(steps: &[(u64, u64)]) -> MachineClock {
        let records: Vec<(u64, u64)> = steps
            .iter()
            .zip(0..)
            .flat_map(|((from, to), place): (_, u64)| [(3 * place, *from), (3 * place + 1, *to)])
            .collect();
        MachineClock::of(&clock(&records))
    }

    proptest! {
        #[test]
        fn merging_clocks_of_a_machine_is_a_union(
            files in prop::collection::vec(prop::collection::vec((5..9_u64, 0..5_u64), 0..4), 3),
        ) {
            let [one, other, third] = [0, 1, 2].map(|place: usize| machine(&files[place]));
            let merged = |one: &MachineClock, other: &MachineClock| {
                let mut one = one.clone();
                one.merge(other.clone());
                one
            };
            let all = merged(&merged(&one, &other), &third);
            prop_assert_eq!(&merged(&third, &merged(&other, &one)), &all);
            prop_assert_eq!(&merged(&all, &other), &all);
            prop_assert_eq!(&merged(&MachineClock::default(), &all), &all);
        }
    }

    #[test]
    fn a_step_that_several_logs_show_is_one() {
        // From 9 to 2 o'clock. A log that was quiet before shows a step from an earlier time, one
        // that was quiet after to a later one.
        let mut seen = machine(&[(9, 2)]);
        for other in [(9, 2), (7, 2), (9, 4), (8, 3)] {
            seen.merge(machine(&[other]));
        }
        assert_eq!(seen.step_count(), 1);
        let at = |hour: u64| EventTime::from_filetime(START + hour * HOUR).unwrap();
        assert_eq!(seen.first_step(), Some((at(7), at(2))));
        // Another day; and one log that shows two steps over the same hours.
        seen.merge(machine(&[(60, 50)]));
        assert_eq!(seen.step_count(), 2);
        seen.merge(machine(&[(9, 2), (8, 2), (7, 3)]));
        assert_eq!(seen.step_count(), 3);
    }

    #[test]
    fn steps_that_are_not_listed_are_counted() {
        let records: Vec<(u64, u64)> = (0..250).map(|number| (number, 400 - number)).collect();
        let seen = appended(clock(&records), 250, &clock(&[(250, 100), (251, 99)]));
        assert_eq!((seen.steps().len(), seen.step_count()), (MOST_STEPS, 251));
    }
}
