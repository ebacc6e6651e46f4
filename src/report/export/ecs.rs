//! Documents in the Elastic Common Schema (ECS): lines with a JSON object each.
//!
//! Source: ECS 9.4, as Elastic's npm package `@elastic/ecs` 9.4.0 lists its fields, their types and
//! their allowed values. Every field is one of the schema's. Values for which the schema has no
//! field go into `labels`, whose values are keywords. A match is of the kind `alert`: an alert of a
//! rule that runs outside Elastic. A lead is of the kind `event`.
//!
//! A document must have `@timestamp`: an event whose time is unknown gets the start of 1970 and the
//! tag `time-unknown`. Elasticsearch refuses a document with an invalid address in a field of the
//! type `ip`, so only valid addresses are written.

use std::collections::BTreeSet;

use super::event::{ExportedEvent, QueryStage, Role, TimeKind};
use super::json::{Json, list, object};
use super::process::AskingProcess;
use crate::event::EventTime;

/// The version of ECS whose fields the documents have.
const VERSION: &str = "9.4.0";

/// Makes the ECS document (a JSON object) of an exported event.
pub(super) fn line<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    object! {
        "@timestamp": event.time,
        "message": event.sentence(),
        "tags": tags(event),
        "labels": labels(event),
        "ecs": object! { "version": VERSION },
        "event": of_event(event),
        "host": object! { "name": &event.computer, "os": object! { "type": "windows" } },
        "process": process(event),
        "user": object! {
            "name": event.account().map(|account| account.name),
            "domain": event.account().and_then(|account| account.domain),
            "id": event.user_id.as_deref(),
        },
        "dns": dns(event),
        "rule": object! {
            "id": &event.detection_id,
            "name": &event.detection_name,
            "version": event.detection_version(),
        },
        "threat": threat(event),
        "log": object! { "file": object! { "path": &event.source_path } },
        "observer": object! { "product": "dnsweep", "version": &event.origin.run.dnsweep },
        "related": object! {
            "hosts": list([Some(&*event.computer), event.query_name.as_deref()]),
            "ip": list(event.addresses()),
            "user": list([event.account().map(|account| account.name)]),
        },
    }
}

fn process<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    let own = event.process;
    object! {
        "name": event.process_name.as_deref(),
        "executable": event.image.as_deref(),
        "pid": event.process_id,
        "entity_id": event.process_guid.as_deref(),
        "start": own.and_then(|process| process.start_time),
        "command_line": own.and_then(|process| process.command_line.as_deref()),
        "hash": object! {
            "md5": own.and_then(|process| process.md5.as_deref()),
            "sha1": own.and_then(|process| process.sha1.as_deref()),
            "sha256": own.and_then(|process| process.sha256.as_deref()),
        },
        "parent": object! {
            "executable": own.and_then(|process| process.parent_image.as_deref()),
            "command_line": own.and_then(|process| process.parent_command_line.as_deref()),
            "pid": own.and_then(|process| process.parent_process_id),
            "entity_id": own.and_then(AskingProcess::parent_guid),
        },
    }
}

fn of_event<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    let kind = if event.role == Role::Match { "alert" } else { "event" };
    object! {
        "kind": kind,
        // `info` is a type that the schema expects in both categories.
        "category": list(match event.role {
            Role::Match => &["intrusion_detection", "network"][..],
            Role::Lead => &["network"],
        }.iter().copied()),
        "type": list(["info"]),
        "action": "dns-query",
        "module": "dnsweep",
        "dataset": format!("dnsweep.{}", event.role.name()),
        "provider": &event.provider,
        "code": event.event_id.to_string(),
        "sequence": event.event_record_id,
        "id": event.finding_id(),
        "hash": &event.event_hash,
        "start": event.utc_time,
        "risk_score": event.risk_score,
        "reason": event.risk_message.as_deref(),
    }
}

fn dns<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    let has_answer = event.stage() == QueryStage::Response || !event.answers.is_empty();
    object! {
        "type": if has_answer { "answer" } else { "query" },
        "question": object! {
            "name": event.query_name.as_deref(),
            "type": event.query_type.as_deref(),
            "registered_domain": event.registered_domain.as_deref(),
            "subdomain": event.subdomain(),
            // The schema means the public suffix, such as `co.uk`.
            "top_level_domain": event.public_suffix.as_deref(),
        },
        "answers": list(event.answers.iter().map(|answer| object! {
            "type": answer.record_type.as_deref(),
            "data": &answer.data,
        })),
        "resolved_ip": list(event.addresses()),
        "response_code": event.response_code().and_then(response_code_name),
    }
}

/// Returns the name of a DNS server's response code in IANA's registry, such as `NXDOMAIN`, which
/// ECS uses; `None` for other codes.
fn response_code_name(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADSIG",
        17 => "BADKEY",
        18 => "BADTIME",
        _ => return None,
    })
}

fn threat<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    let techniques: BTreeSet<&str> = event.techniques().map(|technique| technique.id).collect();
    let sub_techniques: BTreeSet<&str> =
        event.techniques().filter_map(|technique| technique.sub_technique).collect();
    object! {
        "framework": (!techniques.is_empty()).then_some("MITRE ATT&CK"),
        "technique": object! {
            "id": list(techniques),
            "subtechnique": object! { "id": list(sub_techniques) },
        },
    }
}

fn tags<'e>(event: &ExportedEvent<'_>) -> Json<'e> {
    let tag = |is_so: bool, tag: &'static str| is_so.then_some(tag);
    list([
        tag(event.role == Role::Lead, "lead"),
        tag(event.duplicate, "copy"),
        tag(event.recovered, "deleted-record"),
        tag(event.deleted_file, "deleted-file"),
        tag(event.time_kind == TimeKind::Unknown, "time-unknown"),
    ])
}

/// Returns the values of an exported event for which ECS has no field. They are written as labels,
/// whose values are texts.
fn labels<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    let time = |time: Option<EventTime>| time.and_then(EventTime::rfc3339_microseconds);
    object! {
        "evidence": &event.evidence,
        "original_path": event.original_path.as_deref(),
        "snapshot_time": time(event.snapshot_time),
        "channel": &event.channel,
        "chunk_number": event.chunk_number.to_string(),
        "record_offset": event.record_offset.to_string(),
        "integrity": &event.integrity,
        "recovered_from": event.recovered_from.as_deref(),
        "event_time_raw": &event.time_raw,
        "time_kind": event.time_kind.name(),
        "query_status": event.query_status.as_deref(),
        "query_status_name": event.query_status_name.as_deref(),
        "query_results": event.query_results.as_deref(),
        "query_name_unicode": event.query_name_unicode.as_deref(),
        "matched_query": list(&event.matched_query),
        "matched_query_on_label": list(&event.matched_query_on_label),
        "matched_process": list(&event.matched_process),
        "matched_answer": list(&event.matched_answer),
        "run_sha256": event.origin.run_sha256,
        "run_row": event.row.to_string(),
    }
}
