//! Events for Splunk's HTTP Event Collector (HEC): lines with a JSON object each.
//!
//! Source: "Format events for HTTP Event Collector" in Splunk's documentation,
//! <https://help.splunk.com/splunk-enterprise/get-data-in/collect-http-event-data/format-events-for-http-event-collector>.
//! `event` is required and may be an object; `time` is in seconds since 1970, with decimals;
//! `host`, `source` and `sourcetype` are texts. Several objects may follow one another in a
//! request. An event without `time` would get the time at which it is received, so an event whose
//! time is unknown gets time 0. There is no published schema.
//!
//! Fields of the event are named as in Splunk's Common Information Model (Network Resolution:
//! `query`, `answer`, `reply_code`, `reply_code_id`, `record_type`, `src`) and in Splunk's add-on
//! for Sysmon (`process_path`, `process_guid`). All other fields are named like the table's
//! columns.

use super::event::{ExportedEvent, TimeKind};
use super::json::{Json, list, object};
use super::process::AskingProcess;
use super::provenance::provenance;

/// Makes the JSON object of an exported event, with the fields that Splunk's HTTP Event Collector
/// expects.
pub(super) fn line<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    object! {
        "time": seconds(event.time.microseconds()),
        "host": &event.computer,
        "source": &event.source_path,
        "sourcetype": format!("dnsweep:{}", event.role.name()),
        "event": body(event),
    }
}

/// Returns a number of microseconds as seconds with six decimals.
fn seconds(microseconds: i64) -> Json<'static> {
    const IN_A_SECOND: u64 = 1_000_000;
    let sign = if microseconds < 0 { "-" } else { "" };
    let all = microseconds.unsigned_abs();
    Json::Decimal(format!("{sign}{}.{:06}", all / IN_A_SECOND, all % IN_A_SECOND))
}

fn body<'e>(event: &'e ExportedEvent<'_>) -> Json<'e> {
    object! {
        "signature": &event.detection_name,
        "signature_id": &event.detection_id,
        "risk_score": event.risk_score,
        "risk_message": event.risk_message.as_deref(),
        "src": &event.computer,
        "query": event.query_name.as_deref(),
        "query_name_lower": event.query_name_lower.as_deref(),
        "query_name_unicode": event.query_name_unicode.as_deref(),
        "registered_domain": event.registered_domain.as_deref(),
        "public_suffix": event.public_suffix.as_deref(),
        "record_type": event.query_type.as_deref(),
        "reply_code_id": event.query_status.as_deref(),
        "reply_code": event.query_status_name.as_deref(),
        "answer": list(event.answers.iter().map(|answer| &answer.data)),
        "answers": list(event.answers.iter().map(|answer| object! {
            "type": answer.record_type.as_deref(),
            "data": &answer.data,
        })),
        "process_name": event.process_name.as_deref(),
        "process_path": event.image.as_deref(),
        "process_id": event.process_id,
        "process_guid": event.process_guid.as_deref(),
        "user": event.user.as_deref(),
        "user_id": event.user_id.as_deref(),
        "event_time_raw": &event.time_raw,
        "utc_time": event.utc_time,
        "time_kind": Some(event.time_kind.name()).filter(|_| event.time_kind != TimeKind::Logged),
        "provider": &event.provider,
        "channel": &event.channel,
        "event_id": event.event_id,
        "dnsweep_version": &event.origin.run.dnsweep,
    }
    .with(event.process.map_or(Json::Null, AskingProcess::fields))
    .with(provenance(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_exact_as_decimals() {
        for (microseconds, expected) in [
            (0, "0.000000"),
            (1_741_077_290_123_456, "1741077290.123456"),
            (-1, "-0.000001"),
            (-11_644_473_600_000_001, "-11644473600.000001"),
            (253_370_764_799_999_999, "253370764799.999999"),
            (i64::MIN, "-9223372036854.775808"),
        ] {
            assert_eq!(seconds(microseconds), Json::Decimal(expected.to_owned()));
        }
    }
}
