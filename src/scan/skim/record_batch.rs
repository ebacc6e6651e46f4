//! A batch: consecutive records of the same layout that are counted together.
//!
//! Nearly all records of a log belong to batches. What would be stored for each of them (the counts
//! of its template definition, the EventRecordIDs of its log, the times of its machine's clock) is
//! kept in the batch until it ends, so that a record costs only a few instructions.
//! [`crate::scan::skim::select`] examines each record that differs from the one before on its own,
//! with the same result.

use crate::event::{EventTime, Window};
use crate::ledger::clock::{Clock, RecordHeader, is_step};
use crate::ledger::record_ids::{IdRun, IdRuns};
use crate::scan::skim::known::{Counts, QueryCounts};
use crate::scan::skim::skimmed_record::SkimmedRecord;

/// A batch: consecutive records that have one layout, so that they differ only at fixed positions,
/// and are counted together. As little as possible is stored per record, because each instruction
/// in the loop over the records costs time.
#[derive(Debug)]
pub(in crate::scan) struct RecordBatch {
    /// The offset, in the chunk, of the first record of the batch (records that are counted
    /// together).
    start: usize,
    /// The ID and the time in the header of the first record of the batch (records that are counted
    /// together).
    first: RecordHeader,
    /// The ID and the time in the header of the last record so far of the batch (records that are
    /// counted together).
    last: RecordHeader,
    /// The number of records so far in the batch (records that are counted together).
    records: u64,
    /// The earliest and the latest time (TimeCreated) of the batch's records, which are counted
    /// together.
    times: (EventTime, EventTime),
    /// The least and the greatest EventRecordID of those records of the batch that precede the
    /// current run (the batch's last records, whose EventRecordIDs are consecutive). `u64::MAX` and
    /// 0 if no records precede it.
    ids: (u64, u64),
    /// The current run: the last records of the batch (records that are counted together), as far
    /// back as their EventRecordIDs are consecutive.
    run: IdRun,
    /// True if the first record of the current run (the batch's last records with consecutive
    /// EventRecordIDs) has another ID in its header than its EventRecordID.
    differs: bool,
    /// The number of records of the batch whose headers contain another ID than their
    /// EventRecordID, without those of the current run of consecutive EventRecordIDs. Exports
    /// renumber headers in this way.
    renumbered: u64,
}

impl RecordBatch {
    /// Returns an empty batch (records that are counted together). Its first record, if there will
    /// be one, starts at offset `start` in the chunk.
    pub(in crate::scan) fn new(start: usize) -> Self {
        let none = RecordHeader { header_id: 0, filetime: 0 };
        let run = IdRun { first: 0, last: 0, first_time: None, last_time: None };
        RecordBatch {
            start,
            first: none,
            last: none,
            records: 0,
            times: (EventTime::MAX, EventTime::MIN),
            ids: (u64::MAX, 0),
            run,
            differs: false,
            renumbered: 0,
        }
    }

    /// Returns the number of records in the batch (records that are counted together) so far.
    pub(in crate::scan) fn records(&self) -> u64 {
        self.records
    }

    /// Adds the next record to the batch (records that are counted together), and returns whether
    /// it was added. A record is not added if the machine's clock may have been set back before it;
    /// callers then end the batch, and examine the record by itself. Runs of consecutive
    /// EventRecordIDs are added to `log` as they end. A DNS query is counted in `queries` at once,
    /// and there also among those of the requested period if its time lies in `window`.
    #[inline]
    pub(in crate::scan) fn take(
        &mut self,
        skimmed: &SkimmedRecord,
        header: RecordHeader,
        log: &mut IdRuns,
        queries: &mut QueryCounts,
        window: &Window,
    ) -> bool {
        let id = skimmed.event_record_id;
        if self.records == 0 {
            self.first = header;
            (self.run, self.differs) = (IdRun::of(id, Some(skimmed.time)), header.header_id != id);
        } else if is_step(self.last, header) {
            return false;
        } else if self.run.last.checked_add(1) == Some(id) {
            (self.run.last, self.run.last_time) = (id, Some(skimmed.time));
        } else {
            self.renumbered += renumbered(self.run, self.differs, self.last);
            self.ids = end_run(self.run, self.ids, log);
            (self.run, self.differs) = (IdRun::of(id, Some(skimmed.time)), header.header_id != id);
        }
        self.last = header;
        self.records += 1;
        self.times = (self.times.0.min(skimmed.time), self.times.1.max(skimmed.time));
        if skimmed.is_dns_query() {
            queries.add(skimmed.time, window);
        }
        true
    }

    /// Ends the batch (records that are counted together), and adds what it has collected: the
    /// counts of its records to `event`, the last run of consecutive EventRecordIDs to `log`, and
    /// the headers of its first and last record to `clock`. The DNS queries among the records are
    /// counted already. `sysmon` says whether the records are Sysmon's: either all are or none.
    /// Returns the number of records whose headers were renumbered, as exports do.
    pub(in crate::scan) fn end(
        self,
        sysmon: bool,
        event: &mut Counts,
        log: &mut IdRuns,
        clock: &mut Clock,
    ) -> u64 {
        if self.records == 0 {
            return 0;
        }
        let (first_id, last_id) = end_run(self.run, self.ids, log);
        event.merge(Counts {
            records: self.records,
            sysmon_records: if sysmon { self.records } else { 0 },
            queries: QueryCounts::NONE,
            first_time: self.times.0,
            last_time: self.times.1,
            first_id,
            last_id,
        });
        clock.add_steady(self.start as u64, self.first, self.last);
        self.renumbered + renumbered(self.run, self.differs, self.last)
    }
}

/// Returns the number of records in a run of consecutive EventRecordIDs whose headers were
/// renumbered. It is the whole run if the first record (`differs`) or the last one (`last`) has
/// another ID in its header than its EventRecordID; otherwise 0.
#[cold]
fn renumbered(run: IdRun, differs: bool, last: RecordHeader) -> u64 {
    if differs || last.header_id != run.last { run.length() } else { 0 }
}

/// Adds a finished run of consecutive EventRecordIDs to the log. `first_id` and `last_id` are the
/// least and the greatest EventRecordID of the batch's records before the run. Returns the least
/// and the greatest EventRecordID of these records and the run. The run is passed by value, so that
/// the batch's fields can stay in registers.
#[cold]
fn end_run(run: IdRun, (first_id, last_id): (u64, u64), log: &mut IdRuns) -> (u64, u64) {
    log.add_run(run);
    (first_id.min(run.first), last_id.max(run.last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(sysmon: bool, anew: u64) -> impl Strategy<Value = (SkimmedRecord, RecordHeader)> {
        // Numbers and times that mostly increase, and sometimes go back, by less than a step or by
        // more.
        let id = prop_oneof![0..6_u64, Just(u64::MAX)];
        (id, 0..4_u64, 0..3_i64, prop_oneof![Just(22_u16), Just(1)]).prop_map(
            move |(id, minutes, ticks, event_id)| {
                let time = EventTime::from_ticks(ticks);
                let skimmed = SkimmedRecord { event_id, sysmon, time, event_record_id: id, data: None };
                (
                    skimmed,
                    RecordHeader { header_id: id.wrapping_add(anew), filetime: 1 + minutes * 400_000_000 },
                )
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_stretch_notes_what_each_of_its_records_would(
            (sysmon, anew, records) in (any::<bool>(), 0..2_u64).prop_flat_map(|(sysmon, anew)| {
                (Just(sysmon), Just(anew), prop::collection::vec(record(sysmon, anew), 0..9))
            }),
            before in prop::option::of(record(true, 0)),
        ) {
            let none = || (Counts::NONE, IdRuns::default(), Clock::default());
            let since = Window { since: Some(EventTime::from_ticks(1)), ..Window::default() };
            let (mut counts, mut runs, mut clock) = none();
            let (mut counts_by_one, mut runs_by_one, mut clock_by_one) = none();
            let note = |(skimmed, header): &(SkimmedRecord, RecordHeader), at: u64, to: (&mut Counts, &mut IdRuns, &mut Clock)| {
                to.0.add(skimmed, &since);
                to.1.add(skimmed.event_record_id, Some(skimmed.time));
                to.2.add(at, *header);
            };
            if let Some(before) = &before {
                note(before, 0, (&mut counts, &mut runs, &mut clock));
                note(before, 0, (&mut counts_by_one, &mut runs_by_one, &mut clock_by_one));
            }
            let mut batch = RecordBatch::new(7);
            let mut take = |(skimmed, header): &&(SkimmedRecord, RecordHeader)| {
                batch.take(skimmed, *header, &mut runs, &mut counts.queries, &since)
            };
            let taken = records.iter().take_while(&mut take).count();
            // Only a clock that may have gone back ends the batch.
            let falls = |pair: &[(SkimmedRecord, RecordHeader)]| is_step(pair[0].1, pair[1].1);
            prop_assert_eq!(taken, records.windows(2).position(falls).map_or(records.len(), |place| place + 1));
            prop_assert_eq!(batch.records(), taken as u64);
            let renumbered = batch.end(sysmon, &mut counts, &mut runs, &mut clock);
            for (place, record) in records.iter().take(taken).enumerate() {
                note(record, 7 + place as u64, (&mut counts_by_one, &mut runs_by_one, &mut clock_by_one));
            }
            prop_assert_eq!(renumbered, taken as u64 * anew);
            prop_assert_eq!(counts, counts_by_one);
            prop_assert_eq!(runs, runs_by_one);
            prop_assert_eq!(clock, clock_by_one);
        }
    }
}
