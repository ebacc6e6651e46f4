//! The OCSF class Detection Finding (2004), in which a match is exported.

use super::{UNKNOWN, actor, device, dns_activity, metadata, milliseconds, query, unmapped};
use crate::report::export::detection::{Severity, Technique};
use crate::report::export::event::ExportedEvent;
use crate::report::export::json::{Json, list, object};

/// The type id that OCSF has for an observable that is a host's name. The constants that follow are
/// the type ids for other kinds of values.
const HOSTNAME: i64 = 1;
const IP_ADDRESS: i64 = 2;
const USER_NAME: i64 = 4;
const PROCESS_NAME: i64 = 9;

/// Makes the OCSF event Detection Finding of a match. Its activity is that the finding is created,
/// and its status that it is new.
pub(super) fn finding<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    const RULE: i64 = 1;
    let (severity_id, severity) = severity(Severity::of_score(event.risk_score));
    let time = milliseconds(event.time);
    object! {
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "activity_id": 1,
        "activity_name": "Create",
        "type_uid": 200_401,
        "type_name": "Detection Finding: Create",
        "status_id": 1,
        "status": "New",
        "severity_id": severity_id,
        "severity": severity,
        "time": time,
        "message": event.risk_message.as_deref().map_or_else(|| event.sentence(), str::to_owned),
        "is_alert": true,
        "risk_score": event.risk_score,
        "metadata": metadata(event, Json::Null),
        "finding_info": object! {
            "uid": event.finding_id(),
            "title": &event.detection_name,
            "desc": event.sentence(),
            "first_seen_time": time,
            "last_seen_time": time,
            "data_sources": list([&event.channel]),
            "analytic": object! {
                "type_id": RULE,
                "type": "Rule",
                "uid": &event.detection_id,
                "name": &event.detection_name,
                "version": event.detection_version(),
            },
            "attacks": list(event.techniques().map(attack)),
        },
        "device": device(event),
        "evidences": list([evidence(event)]),
        "observables": observables(event),
        "unmapped": unmapped(event),
    }
}

fn severity(severity: Severity) -> (i64, &'static str) {
    match severity {
        Severity::Unknown => (UNKNOWN, "Unknown"),
        Severity::Informational => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn attack(technique: Technique<'_>) -> Json<'_> {
    object! {
        "technique": object! { "uid": technique.id },
        "sub_technique": object! { "uid": technique.sub_technique },
    }
}

fn evidence<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    object! {
        "name": "DNS query",
        "query": query(event),
        "actor": actor(event),
        "device": device(event),
        "data": dns_activity::dns_activity(event, Json::Null),
    }
}

/// Returns the OCSF observables of a match: the names and addresses that an investigator would
/// search for elsewhere.
fn observables<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    let observable = |name: &'static str, kind: i64, value: Option<&'e str>| {
        value.map(|value| object! { "name": name, "type_id": kind, "value": value })
    };
    let single = [
        observable("device.hostname", HOSTNAME, Some(&event.computer)),
        observable("evidences[].query.hostname", HOSTNAME, event.query_name.as_deref()),
        observable("evidences[].actor.process.name", PROCESS_NAME, event.process_name.as_deref()),
        observable("evidences[].actor.user.name", USER_NAME, event.account().map(|account| account.name)),
    ];
    let addresses = event
        .addresses()
        .map(|address| observable("evidences[].data.answers[].rdata", IP_ADDRESS, Some(address)));
    list(single.into_iter().chain(addresses))
}
