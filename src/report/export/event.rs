//! A match or a lead as an event for other tools, with the values that all formats of exported
//! events need. [`super::event_of_row`] makes it of a row of a table.

use std::borrow::Cow;
use std::net::IpAddr;

use super::detection::{Detections, Technique};
use super::process::AskingProcess;
use crate::event::EventTime;
use crate::report::run::{DetectionRecord, Run};

/// The event ID of the event that Windows' DNS client logs when a server responds. A service writes
/// the event, on behalf of the process that asks.
pub(in crate::report) const DNS_CLIENT_RESPONSE: i64 = 3020;
/// The event ID of the event that Windows' DNS client logs when it makes a query. The event has no
/// answer yet.
const DNS_CLIENT_QUESTION: i64 = 3006;

/// The sweep that exported events come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// What `run.json` records of the sweep that the exported events come from.
    pub(super) run: &'a Run,
    /// The SHA-256 of `run.json`.
    pub(super) run_sha256: &'a str,
    /// What `run.json` records of each detection of the sweep, by the detection's id.
    pub(super) detections: &'a Detections<'a>,
}

/// Why an event is exported for a detection: as a match, or as a lead (a query of Windows' own DNS
/// client that a detection describes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The event is exported as a match: the detection describes it.
    Match,
    /// The event is exported as a lead: Windows' own DNS client logged it, and the detection
    /// describes the name that it asks for or, for some rules, the answer. It is not a match,
    /// because it does not say which program asked.
    Lead,
}

impl Role {
    /// Returns the role as exported events state it: `match` or `lead`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Match => "match",
            Role::Lead => "lead",
        }
    }
}

/// Which of an event's times is exported as its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeKind {
    /// The event is exported with the time at which it was logged (TimeCreated).
    Logged,
    /// The event is exported with the time at which the query was made (Sysmon's UtcTime), because
    /// TimeCreated cannot be read.
    Queried,
    /// No time of the event can be read. Export formats demand a time, so the event is exported
    /// with the start of 1970.
    Unknown,
}

impl TimeKind {
    /// Returns the time with which an event is exported, and which of the event's times that is:
    /// `logged` (TimeCreated), or else `queried` (Sysmon's UtcTime). If both are `None`, it is the
    /// start of 1970.
    pub(super) fn of(logged: Option<EventTime>, queried: Option<EventTime>) -> (EventTime, Self) {
        match (logged, queried) {
            (Some(time), _) => (time, TimeKind::Logged),
            (None, Some(time)) => (time, TimeKind::Queried),
            (None, None) => (EventTime::default(), TimeKind::Unknown),
        }
    }

    /// Returns the text by which an exported event states which of the event's times it is exported
    /// with: `TimeCreated`, `UtcTime` or `unknown`.
    pub(super) fn name(self) -> &'static str {
        match self {
            TimeKind::Logged => "TimeCreated",
            TimeKind::Queried => "UtcTime",
            TimeKind::Unknown => "unknown",
        }
    }
}

/// Which part of a DNS query an event is about: the question, the response, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueryStage {
    /// The event is about the question: the query is made, and nothing is known of an answer.
    Question,
    /// The event is about the response of a DNS server.
    Response,
    /// The event is about the completed query: it has the question and the answer.
    Completed,
}

/// An item of the answer to a DNS query. The text of an answer can be cut off when it is logged; an
/// item that is not complete is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnswerItem<'a> {
    /// The type of the answer's DNS record, such as `A`; `None` if it is unknown.
    pub(super) record_type: Option<Cow<'a, str>>,
    /// The data of the answer's DNS record, such as an address.
    pub(super) data: Cow<'a, str>,
}

/// A Windows account such as `DOMAIN\name`, split at the backslash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account<'a> {
    /// The domain or machine of the Windows account; `None` if none is stated.
    pub(super) domain: Option<&'a str>,
    /// The name of the Windows account, without its domain.
    pub(super) name: &'a str,
}

/// A match or a lead that is exported, with what is known of its detection and its sweep.
#[derive(Debug, Clone)]
pub(super) struct ExportedEvent<'a> {
    /// Whether the event is a match or a lead of the detection.
    pub(super) role: Role,
    /// The sweep that the event comes from.
    pub(super) origin: Origin<'a>,
    /// The number, from 0, of the event's row in the table of matches or leads.
    pub(super) row: u64,
    /// When the event was logged; if that cannot be read, when the query was made, or else the
    /// start of 1970 ([`TimeKind`]).
    pub(super) time: EventTime,
    /// Which of the event's times is in `time`: when it was logged, when the query was made, or
    /// none.
    pub(super) time_kind: TimeKind,
    /// The text of TimeCreated (when the event was logged) in the event's record, with all
    /// decimals.
    pub(super) time_raw: Cow<'a, str>,
    /// When the DNS query was made (Sysmon's UtcTime); `None` for a lead, or if the time cannot be
    /// read.
    pub(super) utc_time: Option<EventTime>,
    /// The name of the machine that logged the event.
    pub(super) computer: Cow<'a, str>,
    /// The name of the piece of evidence that contains the event's file.
    pub(super) evidence: Cow<'a, str>,
    /// The path, from its root (a folder or file that was swept), of the file that contains the
    /// event's record.
    pub(super) source_path: Cow<'a, str>,
    /// The path that the event's file had on its host; `None` if no container (such as a disk
    /// image) states it.
    pub(super) original_path: Option<Cow<'a, str>>,
    /// The time of the shadow copy that the event's file comes from; `None` if it comes from none.
    pub(super) snapshot_time: Option<EventTime>,
    /// True if the event's file was deleted in its volume.
    pub(super) deleted_file: bool,
    /// The provider that logged the event, such as `Microsoft-Windows-Sysmon`.
    pub(super) provider: Cow<'a, str>,
    /// The channel that the event was written to.
    pub(super) channel: Cow<'a, str>,
    /// The event ID, such as 22, which says what kind of event it is.
    pub(super) event_id: i64,
    /// The number of the event in its log (EventRecordID); `None` if the table has none for the
    /// event.
    pub(super) event_record_id: Option<i64>,
    /// The GUID of the process that made the DNS query; always `None` for a lead.
    pub(super) process_guid: Option<Cow<'a, str>>,
    /// The ID (PID) of the process that made the DNS query; `None` if it is not known.
    pub(super) process_id: Option<i64>,
    /// The path of the program that made the DNS query; always `None` for a lead.
    pub(super) image: Option<Cow<'a, str>>,
    /// The file name of the program that made the DNS query; always `None` for a lead.
    pub(super) process_name: Option<Cow<'a, str>>,
    /// The account of the process that made the DNS query, such as `DOMAIN\name`; always `None` for
    /// a lead.
    pub(super) user: Option<Cow<'a, str>>,
    /// The SID of the account of the process that made the DNS query; always `None` for a match.
    pub(super) user_id: Option<Cow<'a, str>>,
    /// The queried name, as it was logged; `None` if the event does not have the field.
    pub(super) query_name: Option<Cow<'a, str>>,
    /// The queried name in lower case, without the dot at its end; `None` if the event has no name
    /// or an empty one.
    pub(super) query_name_lower: Option<Cow<'a, str>>,
    /// The queried name in lower case with its encoded labels (`xn--…`) in Unicode; `None` if it
    /// has no encoded label, or one that is not valid.
    pub(super) query_name_unicode: Option<Cow<'a, str>>,
    /// The registered domain of the queried name, by the public suffix list, such as
    /// `example.co.uk`; `None` if it has none.
    pub(super) registered_domain: Option<Cow<'a, str>>,
    /// The public suffix of the queried name, by the public suffix list, such as `co.uk`; `None` if
    /// it has none.
    pub(super) public_suffix: Option<Cow<'a, str>>,
    /// The type of DNS records that is asked for, such as `AAAA`; always `None` for a match.
    pub(super) query_type: Option<Cow<'a, str>>,
    /// Windows' error code of the DNS query, as the text of a decimal number; `None` if the event
    /// does not have the field.
    pub(super) query_status: Option<Cow<'a, str>>,
    /// Windows' symbol for the error code of the DNS query, such as `DNS_ERROR_RCODE_NAME_ERROR`;
    /// `None` if it is not known.
    pub(super) query_status_name: Option<Cow<'a, str>>,
    /// The text of the answer to the DNS query, as it was logged; `None` if the event does not have
    /// the field.
    pub(super) query_results: Option<Cow<'a, str>>,
    /// The items of the answer to the DNS query. An item that was cut off when it was logged is
    /// left out.
    pub(super) answers: Vec<AnswerItem<'a>>,
    /// The IP addresses in the answer to the DNS query.
    pub(super) resolved_ips: Vec<Cow<'a, str>>,
    /// The 0-based index of the 64 KiB chunk of the log that contains the event's record; 0 in
    /// event XML.
    pub(super) chunk_number: i64,
    /// The offset of the event's record in bytes from the start of its file.
    pub(super) record_offset: i64,
    /// How far the bytes of the event's record can be trusted: `verified` (the checksums of its
    /// chunk are right), `damaged` (something is wrong with the chunk) or `unverified` (there are
    /// no checksums, or the record was deleted).
    pub(super) integrity: Cow<'a, str>,
    /// True if the event was found in a deleted record only.
    pub(super) recovered: bool,
    /// What the event was decoded from if it was found in a deleted record only: `deleted chunk`,
    /// `own values` (of the record) or `unverified definitions` (of its template).
    pub(super) recovered_from: Option<Cow<'a, str>>,
    /// The SHA-256 of the event's content. All copies of an event have the same hash.
    pub(super) event_hash: Cow<'a, str>,
    /// True if the event is a copy of one in an earlier row.
    pub(super) duplicate: bool,
    /// The id of the detection for which the event is exported. For a match, the detection
    /// describes the event; for a lead, it describes the queried name or, for some rules, the
    /// answer.
    pub(super) detection_id: Cow<'a, str>,
    /// The name of the detection for which the event is exported. For a match, the detection
    /// describes the event; for a lead, it describes the queried name or, for some rules, the
    /// answer.
    pub(super) detection_name: Cow<'a, str>,
    /// What `run.json` records of the detection for which the event is exported; `None` if
    /// `run.json` lists no detection with this id.
    pub(super) detection: Option<&'a DetectionRecord>,
    /// The patterns of the detection that match the queried name.
    pub(super) matched_query: Vec<Cow<'a, str>>,
    /// Those of `matched_query` whose text is one or more whole labels of the queried name, the
    /// parts between its dots. Regular expressions, and patterns that state no text, are always
    /// among them.
    pub(super) matched_query_on_label: Vec<Cow<'a, str>>,
    /// The patterns of the detection that match the file name or the path of the querying program;
    /// empty for a lead.
    pub(super) matched_process: Vec<Cow<'a, str>>,
    /// The patterns, networks and addresses of the detection that match the answer.
    pub(super) matched_answer: Vec<Cow<'a, str>>,
    /// The detection's risk score for a match; `None` for a lead.
    pub(super) risk_score: Option<i64>,
    /// The detection's message about the match; `None` for a lead, or if the rule has no message.
    pub(super) risk_message: Option<Cow<'a, str>>,
    /// What Sysmon's event 1 (process creation) says about the process that made the DNS query;
    /// `None` if that event was not found, if the sweep did not look for processes, or if the
    /// process was left out to save memory.
    pub(super) process: Option<&'a AskingProcess>,
}

impl ExportedEvent<'_> {
    /// Returns the id of the finding: the hash of the event, a slash and the id of the detection.
    /// All copies of an event have the same id for a detection.
    pub(super) fn finding_id(&self) -> String {
        format!("{}/{}", self.event_hash, self.detection_id)
    }

    /// Returns an id of the event's row that no other row of any output has: the SHA-256 of
    /// `run.json`, the name of the table (`matches` or `leads`) and the number of the row, with
    /// slashes between them.
    pub(super) fn row_id(&self) -> String {
        let table = if self.role == Role::Match { "matches" } else { "leads" };
        format!("{}/{table}/{}", self.origin.run_sha256, self.row)
    }

    /// Returns the number of the event's row in its table, from 0, in the type that JSON values
    /// need.
    pub(super) fn row_number(&self) -> i64 {
        i64::try_from(self.row).unwrap_or(i64::MAX)
    }

    /// Returns the labels of the queried name, in lower case, that stand before its registered
    /// domain; `None` if there are none.
    pub(super) fn subdomain(&self) -> Option<&str> {
        let registered = self.registered_domain.as_deref()?;
        self.query_name_lower.as_deref()?.strip_suffix(registered)?.strip_suffix('.')
    }

    /// Returns the version of the event's detection, as `run.json` records it; `None` if it has
    /// none.
    pub(super) fn detection_version(&self) -> Option<&str> {
        self.detection.and_then(|detection| detection.version.as_deref())
    }

    /// Returns the ids of the ATT&CK techniques that the detection's rule names.
    pub(super) fn technique_ids(&self) -> &[String] {
        self.detection.map_or(&[], |detection| &detection.mitre_attack_id)
    }

    /// Returns the ATT&CK techniques that the detection's rule names, each split into technique and
    /// sub-technique.
    pub(super) fn techniques(&self) -> impl Iterator<Item = Technique<'_>> {
        self.technique_ids().iter().map(|id| Technique::of(id))
    }

    /// Returns the account of the querying process, split into domain and name; `None` if the event
    /// has no account.
    pub(super) fn account(&self) -> Option<Account<'_>> {
        let user = self.user.as_deref().filter(|user| !user.is_empty())?;
        Some(match user.split_once('\\') {
            Some((domain, name)) if !name.is_empty() => {
                Account { domain: Some(domain).filter(|domain| !domain.is_empty()), name }
            }
            _ => Account { domain: None, name: user },
        })
    }

    /// Returns those IP addresses in the answer to the DNS query that are valid.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.resolved_ips.iter().map(AsRef::as_ref).filter(|text: &&str| text.parse::<IpAddr>().is_ok())
    }

    /// Returns which part of the DNS query the event is about: the question, the response, or both.
    pub(super) fn stage(&self) -> QueryStage {
        match (self.role, self.event_id) {
            (Role::Lead, DNS_CLIENT_QUESTION) => QueryStage::Question,
            (Role::Lead, DNS_CLIENT_RESPONSE) => QueryStage::Response,
            _ => QueryStage::Completed,
        }
    }

    /// Returns the code (RFC 1035, RFC 6895) with which the DNS server responded, from Windows'
    /// error code. Windows' code is 0 for success, and otherwise the server's code plus 9000.
    /// `None` for an error of Windows itself.
    pub(super) fn response_code(&self) -> Option<u8> {
        const FIRST_OF_DNS: u32 = 9000;
        const LAST: u8 = 23;
        let status: u32 = self.query_status.as_deref()?.parse().ok()?;
        let code = if status == 0 { 0 } else { status.checked_sub(FIRST_OF_DNS).filter(|code| *code > 0)? };
        u8::try_from(code).ok().filter(|code| *code <= LAST)
    }

    /// Returns a sentence for people that says what the event is: which program asked for which
    /// name.
    pub(super) fn sentence(&self) -> String {
        let program = self.process_name.as_deref().unwrap_or("a program");
        let name = self.query_name.as_deref().unwrap_or("a name");
        let answer = match (&*self.answers, self.query_status_name.as_deref()) {
            ([], None) => String::new(),
            ([], Some(status)) => format!(", result {status}"),
            (answers, _) => {
                let data: Vec<&str> = answers.iter().map(|answer| &*answer.data).collect();
                format!(", answer {}", data.join(" "))
            }
        };
        let (lead, detection) = match self.role {
            Role::Match => ("", &self.detection_name),
            Role::Lead => ("Lead, no match: ", &self.detection_name),
        };
        format!("{lead}{program} asked for {name} on {}{answer} ({detection})", self.computer)
    }
}
