//! Events for a timeline in Timesketch, as JSON lines.
//!
//! Source: "Import timeline from JSON/JSONL or CSV" in Timesketch's documentation,
//! <https://timesketch.org/guides/user/import-from-json-csv/>. `message`, `datetime` (ISO 8601) and
//! `timestamp_desc` are required, `timestamp` is in microseconds since 1970, and any other field
//! may be added. The importer reads a file only if its name ends in `.jsonl`, and drops fields that
//! begin with an underscore, and the field `label`. For an event without a time, `timestamp_desc`
//! is `Not a time`, as in Plaso, whose timelines Timesketch shows too.

use super::event::{ExportedEvent, TimeKind};
use super::json::{Json, list, object};
use super::process::AskingProcess;
use super::provenance::provenance;

/// Makes the JSON object of an exported event, with the fields that Timesketch expects. All other
/// fields are named like the columns of the exported table.
pub(super) fn line<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    let answers = event.answers.iter().map(|answer| match &answer.record_type {
        Some(kind) => format!("{kind} {}", answer.data),
        None => answer.data.to_string(),
    });
    object! {
        "message": event.sentence(),
        "datetime": event.time,
        "timestamp": event.time.microseconds(),
        "timestamp_desc": match event.time_kind {
            TimeKind::Logged => "Event Logged",
            TimeKind::Queried => "DNS Query Made",
            TimeKind::Unknown => "Not a time",
        },
        "data_type": format!("dnsweep:{}", event.role.name()),
        "computer": &event.computer,
        "query_name": event.query_name.as_deref(),
        "query_name_lower": event.query_name_lower.as_deref(),
        "query_name_unicode": event.query_name_unicode.as_deref(),
        "registered_domain": event.registered_domain.as_deref(),
        "public_suffix": event.public_suffix.as_deref(),
        "query_type": event.query_type.as_deref(),
        "query_status": event.query_status.as_deref(),
        "query_status_name": event.query_status_name.as_deref(),
        "answers": list(answers),
        "resolved_ips": list(&event.resolved_ips),
        "process_name": event.process_name.as_deref(),
        "image": event.image.as_deref(),
        "process_id": event.process_id,
        "process_guid": event.process_guid.as_deref(),
        "user": event.user.as_deref(),
        "user_id": event.user_id.as_deref(),
        "utc_time": event.utc_time,
        "detection_id": &event.detection_id,
        "detection_name": &event.detection_name,
        "risk_score": event.risk_score,
        "risk_message": event.risk_message.as_deref(),
        "provider": &event.provider,
        "channel": &event.channel,
        "event_id": event.event_id,
        "dnsweep_version": &event.origin.run.dnsweep,
    }
    .with(event.process.map_or(Json::Null, AskingProcess::fields))
    .with(provenance(event))
}
