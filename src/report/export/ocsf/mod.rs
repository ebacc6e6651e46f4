//! Events in the Open Cybersecurity Schema Framework (OCSF) 1.8.0: lines with a JSON object each.
//!
//! Source: the framework's schema 1.8.0, as the package `ocsf-json-schema` 1.2.0 of PyPI has it:
//! <https://schema.ocsf.io/1.8.0/classes/detection_finding> and `…/dns_activity`.
//!
//! A match is one Detection Finding (class 2004) whose evidence contains the query as a complete
//! DNS Activity (class 4003). So each match is one line of one class, which suits data lakes with a
//! table for each class. Nothing counts twice, and the query needs no second line that only an id
//! would connect with the finding. A lead is not a finding: it is a DNS Activity alone.

mod dns_activity;
mod finding;

use std::sync::Arc;

use super::event::{ExportedEvent, Role, TimeKind};
use super::json::{Json, list, object};
use super::process::AskingProcess;
use super::provenance::provenance;
use crate::event::EventTime;

/// The version of OCSF that defines the classes of the exported events.
const VERSION: &str = "1.8.0";
/// The value for "unknown" of OCSF attributes that end in `_id`, such as `type_id`.
const UNKNOWN: i64 = 0;
/// The microseconds in a millisecond, which is the unit of times in OCSF.
const IN_A_MILLISECOND: i64 = 1000;

/// Makes the OCSF event (a JSON object) of an exported event: a Detection Finding for a match, and
/// a DNS Activity for a lead.
pub(super) fn line<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    match event.role {
        Role::Match => finding::finding(event),
        Role::Lead => dns_activity::dns_activity(event, unmapped(event)),
    }
}

/// Returns a time in milliseconds since 1970, rounded down.
fn milliseconds(time: EventTime) -> i64 {
    time.microseconds().div_euclid(IN_A_MILLISECOND)
}

/// Returns the OCSF object `metadata`, which both classes have: where the event comes from.
/// `profiles` are the groups of attributes that the event has in addition to those of its class.
fn metadata<'e>(event: &'e ExportedEvent<'_>, profiles: Json<'e>) -> Json<'e> {
    object! {
        "version": VERSION,
        "profiles": profiles,
        "product": object! {
            "name": "dnsweep",
            "vendor_name": "dnsweep",
            "version": &event.origin.run.dnsweep,
        },
        "uid": event.row_id(),
        "correlation_uid": event.origin.run_sha256,
        "original_event_uid": event.event_record_id.map(|id| id.to_string()),
        "original_time": &event.time_raw,
        "event_code": event.event_id.to_string(),
        "log_name": &event.channel,
        "log_provider": &event.provider,
        "log_source": &event.source_path,
    }
}

/// Returns the OCSF object `device`: the machine that logged the event.
fn device<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    object! { "hostname": &event.computer, "name": &event.computer, "type_id": UNKNOWN }
}

/// Returns the OCSF object `actor`: the querying process and its account; null if neither is known.
fn actor<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    // The schema demands an id of a process.
    let has_id = event.process_id.is_some() || event.process_guid.is_some();
    let process = object! {
        "pid": event.process_id,
        "uid": event.process_guid.as_deref(),
        "name": event.process_name.as_deref(),
        "path": event.image.as_deref(),
        "created_time": event.process.and_then(|process| process.start_time).map(milliseconds),
        "cmd_line": event.process.and_then(|process| process.command_line.as_deref()),
        "file": event.process.map_or(Json::Null, |process| image_file(event, process)),
        "parent_process": event.process.map_or(Json::Null, parent_process),
    };
    let account = event.account();
    object! {
        "process": has_id.then_some(process),
        "app_name": if has_id { None } else { event.image.as_deref() },
        "user": object! {
            "name": account.map(|account| account.name),
            "domain": account.filter(|_| event.user.is_some()).and_then(|account| account.domain),
            "uid": event.user_id.as_deref(),
        },
    }
}

/// Returns the OCSF object `file` of a process: its image, with hashes; null if no hash is known.
fn image_file<'e>(event: &'e ExportedEvent<'_>, process: &'e AskingProcess) -> Json<'e> {
    const REGULAR_FILE: i64 = 1;
    let hash = |id: i64, name: &'static str, value: &'e Option<Arc<str>>| {
        value.as_deref().map(|value| object! { "algorithm_id": id, "algorithm": name, "value": value })
    };
    let hashes = list([
        hash(1, "MD5", &process.md5),
        hash(2, "SHA-1", &process.sha1),
        hash(3, "SHA-256", &process.sha256),
    ]);
    if hashes == Json::Null {
        return Json::Null;
    }
    object! {
        "name": event.process_name.as_deref().unwrap_or_default(),
        "path": event.image.as_deref(),
        "type_id": REGULAR_FILE,
        "type": "Regular File",
        "hashes": hashes,
    }
}

/// Returns the OCSF object `parent_process`: the process that started the querying one; null if no
/// id of it is known.
fn parent_process(process: &AskingProcess) -> Json<'_> {
    let parent = object! {
        "pid": process.parent_process_id,
        "uid": process.parent_guid(),
    };
    match parent {
        // The schema demands an id of a process.
        Json::Null => Json::Null,
        parent => parent.with(object! {
            "path": process.parent_image.as_deref(),
            "cmd_line": process.parent_command_line.as_deref(),
        }),
    }
}

/// Returns the OCSF object `query`: the queried name, and the type of DNS records that is asked
/// for.
fn query<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    object! {
        "hostname": event.query_name.as_deref().unwrap_or_default(),
        "type": event.query_type.as_deref(),
    }
}

/// Returns the values for which OCSF has no attribute, such as where the event's record lies and
/// how far it can be trusted.
fn unmapped<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    object! {
        "query_results": event.query_results.as_deref(),
        "query_name_lower": event.query_name_lower.as_deref(),
        "query_name_unicode": event.query_name_unicode.as_deref(),
        "registered_domain": event.registered_domain.as_deref(),
        "public_suffix": event.public_suffix.as_deref(),
        "time_kind": Some(event.time_kind.name()).filter(|_| event.time_kind != TimeKind::Logged),
        "detection_id": &event.detection_id,
        "detection_name": &event.detection_name,
    }
    .with(provenance(event))
}
