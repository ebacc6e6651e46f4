//! Finds records that are whole but must not be decoded, because the decoder (the `evtx` crate)
//! would read beyond their values or take too much memory.

use crate::ledger::damage::{Damage, Problem};
use crate::scan::decode::cost::DecodingBudget;
use crate::scan::decode::record::has_value_cut_short;
use crate::scan::evtx::chunk::{RECORD_HEADER_SIZE, SIZE_COPY_SIZE};
use crate::scan::evtx::walk::{RecordSpan, Walk};

/// Removes from `walk`, the list of the records found in the chunk `bytes`, those that must not be
/// decoded. Adds a problem for each of them to `problems`, and returns their number. They are of
/// two kinds:
///
/// - Records with a value that has fewer bytes than its type needs. The decoder (the `evtx` crate)
///   would read on into the values that follow.
/// - Records that would take the decoder more memory than is allowed for one record.
pub(in crate::scan) fn remove_undecodable(bytes: &[u8], walk: &mut Walk, problems: &mut Vec<Problem>) -> u64 {
    let mut budget = DecodingBudget::new(bytes, walk.found);
    let taken = walk.remove_records(|record| {
        let RecordSpan { range, header_id, .. } = record;
        let reason = if has_value_cut_short(bytes, record) {
            "a value has fewer bytes than its type needs"
        } else if !budget.covers(range.start + RECORD_HEADER_SIZE..range.end - SIZE_COPY_SIZE) {
            "decoding it would take more memory than is allowed for a record"
        } else {
            return false;
        };
        let damage = Damage::Record { header_id: *header_id, reason: reason.to_owned() };
        problems.push(Problem { offset: range.start as u64, length: range.len() as u64, damage });
        true
    });
    taken as u64
}
