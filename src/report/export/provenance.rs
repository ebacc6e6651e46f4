//! Where an exported event comes from, for formats that allow fields of any name: the place of its
//! record in the evidence, how far the record can be trusted, and why the event is exported.

use super::event::ExportedEvent;
use super::json::{Json, list, object};

/// Returns a JSON object with the provenance of an exported event: the place of its record in the
/// evidence, how far the record can be trusted, and the detection's patterns that match the event.
/// The fields are named like the columns of `matches.parquet`.
pub(super) fn provenance<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    object! {
        "evidence": &event.evidence,
        "source_path": &event.source_path,
        "original_path": event.original_path.as_deref(),
        "snapshot_time": event.snapshot_time,
        "deleted_file": event.deleted_file,
        "chunk_number": event.chunk_number,
        "record_offset": event.record_offset,
        "event_record_id": event.event_record_id,
        "integrity": &event.integrity,
        "recovered": event.recovered,
        "recovered_from": event.recovered_from.as_deref(),
        "duplicate": event.duplicate,
        "event_hash": &event.event_hash,
        "detection_version": event.detection_version(),
        "mitre_attack_id": list(event.technique_ids().iter().map(String::as_str)),
        "matched_query": list(&event.matched_query),
        "matched_query_on_label": list(&event.matched_query_on_label),
        "matched_process": list(&event.matched_process),
        "matched_answer": list(&event.matched_answer),
        "run_sha256": event.origin.run_sha256,
        "run_row": event.row_number(),
    }
}
