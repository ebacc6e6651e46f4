//! The OCSF class DNS Activity (4003): a DNS query, with the profile `host`, which describes the
//! process that asked.

use super::{actor, device, metadata, milliseconds, query};
use crate::report::export::event::{ExportedEvent, QueryStage};
use crate::report::export::json::{Json, list, object};

/// Makes the OCSF event DNS Activity of a match or a lead. `unmapped` are the values for which OCSF
/// has no attribute. It is null if the DNS Activity is a part of a finding, which has these values
/// itself.
pub(super) fn dns_activity<'e>(event: &'e ExportedEvent<'_>, unmapped: Json<'e>) -> Json<'e> {
    const INFORMATIONAL: i64 = 1;
    let (activity_id, activity_name, type_name) = match event.stage() {
        QueryStage::Question => (1, "Query", "DNS Activity: Query"),
        QueryStage::Response => (2, "Response", "DNS Activity: Response"),
        QueryStage::Completed => (6, "Traffic", "DNS Activity: Traffic"),
    };
    let rcode = event.response_code().and_then(rcode);
    let (status_id, status) = match event.query_status.as_deref() {
        Some("0") => (Some(1), Some("Success")),
        Some(_) => (Some(2), Some("Failure")),
        None => (None, None),
    };
    object! {
        "category_uid": 4,
        "category_name": "Network Activity",
        "class_uid": 4003,
        "class_name": "DNS Activity",
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": 400_300 + activity_id,
        "type_name": type_name,
        "severity_id": INFORMATIONAL,
        "severity": "Informational",
        "time": milliseconds(event.time),
        "query_time": event.utc_time.map(milliseconds),
        "message": event.sentence(),
        "metadata": metadata(event, list(["host"])),
        "device": device(event),
        "actor": actor(event),
        "src_endpoint": object! { "hostname": &event.computer },
        "query": query(event),
        "answers": list(event.answers.iter().map(|answer| object! {
            "type": answer.record_type.as_deref(),
            "rdata": &answer.data,
        })),
        "rcode_id": rcode.map(|(id, _)| id),
        "rcode": rcode.map(|(_, name)| name),
        "status_id": status_id,
        "status": status,
        "status_code": event.query_status.as_deref(),
        "status_detail": event.query_status_name.as_deref(),
        "unmapped": unmapped,
    }
}

/// Returns the id and the name of a DNS server's response code in OCSF; `None` for a code that OCSF
/// does not name.
fn rcode(code: u8) -> Option<(i64, &'static str)> {
    let name = match code {
        0 => "NoError",
        1 => "FormError",
        2 => "ServError",
        3 => "NXDomain",
        4 => "NotImp",
        5 => "Refused",
        6 => "YXDomain",
        7 => "YXRRSet",
        8 => "NXRRSet",
        9 => "NotAuth",
        10 => "NotZone",
        16 => "BADSIG_VERS",
        17 => "BADKEY",
        18 => "BADTIME",
        _ => return None,
    };
    Some((code.into(), name))
}
