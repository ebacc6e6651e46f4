//! Records that are whole, and that shall not be decoded all the same.

use crate::ledger::damage::{Damage, Problem};
use crate::scan::decode::cost::Allowance;
use crate::scan::decode::record::has_value_cut_short;
use crate::scan::evtx::chunk::{RECORD_HEADER_SIZE, SIZE_COPY_SIZE};
use crate::scan::evtx::walk::{RecordSpan, Walk};

/// Takes records out of the walk that shall not be decoded, and says how many there were: those of
/// which a value is shorter than its type, as a decoder would read on into the values behind it,
/// and those that the decoder would spend too much on.
pub(in crate::scan) fn set_unfit_aside(bytes: &[u8], walk: &mut Walk, problems: &mut Vec<Problem>) -> u64 {
    let mut allowance = Allowance::new(bytes, walk.found);
    let taken = walk.take(|record| {
        let RecordSpan { range, header_id, .. } = record;
        let reason = if has_value_cut_short(bytes, record) {
            "a value has fewer bytes than its type"
        } else if !allowance.covers(range.start + RECORD_HEADER_SIZE..range.end - SIZE_COPY_SIZE) {
            "decoding it would take more memory than is spent on a record"
        } else {
            return false;
        };
        let damage = Damage::Record { header_id: *header_id, reason: reason.to_owned() };
        problems.push(Problem { offset: range.start as u64, length: range.len() as u64, damage });
        true
    });
    taken as u64
}
