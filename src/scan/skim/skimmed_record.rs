//! The part of a record that is read without decoding the record: enough to count it, and to decide
//! whether it must be decoded.

use std::ops::Range;

use crate::event::{DNS_CLIENT_QUERY_EVENT_IDS, EventTime, SYSMON_CHANNEL, SYSMON_PROVIDER};
use crate::scan::evtx::binxml::text::equals;
use crate::scan::evtx::binxml::{FILETIME, FRAGMENT, TEXT, U16, U64};
use crate::scan::evtx::template::EventTemplate;
use crate::scan::evtx::value::Values;

/// The event ID with which Sysmon logs a DNS query.
const DNS_QUERY: u16 = 22;
/// The names of Sysmon's provider and channel. An event that has either name is Sysmon's.
const SYSMON: [&str; 2] = [SYSMON_PROVIDER, SYSMON_CHANNEL];

/// The part of a record that is read without decoding the record: enough to count the record, and
/// to find its data.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::scan) struct SkimmedRecord {
    pub event_id: u16,
    /// True if the record's provider or channel is Sysmon's.
    pub sysmon: bool,
    /// The time at which the record's event was logged (`TimeCreated`).
    pub time: EventTime,
    pub event_record_id: u64,
    /// The range of the event's `EventData` in the chunk; `None` if the data is not stored as a
    /// fragment of binary XML.
    pub data: Option<Range<usize>>,
}

impl SkimmedRecord {
    /// Reads what is needed to count a record. `template` is the record's template definition,
    /// `values` are its values, and `end` is the offset in the chunk at which its content ends.
    /// `None` if a value is missing or not of the type that it usually has; callers then have the
    /// record decoded.
    pub(in crate::scan) fn read(template: &EventTemplate, values: &Values<'_>, end: usize) -> Option<Self> {
        let lacks_one = template.required.iter().any(|index| values.is_null(*index) != Some(false));
        if lacks_one || !values.fill(end) {
            return None;
        }
        let event_id = values.bytes(template.event_id, U16)?.try_into().ok().map(u16::from_le_bytes)?;
        let time = values.bytes(template.time_created, FILETIME)?.try_into().ok().map(u64::from_le_bytes)?;
        let event_record_id =
            values.bytes(template.event_record_id, U64)?.try_into().ok().map(u64::from_le_bytes)?;
        let mut sysmon = template.sysmon;
        for (index, name) in [template.provider, template.channel].into_iter().zip(SYSMON) {
            if let Some(index) = index
                && !sysmon
            {
                sysmon = equals(values.bytes(index, TEXT)?, name)?;
            }
        }
        let data = template.event_data.and_then(|index| values.range(index, FRAGMENT));
        Some(SkimmedRecord { event_id, sysmon, time: EventTime::from_filetime(time)?, event_record_id, data })
    }

    /// Returns whether the record is Sysmon's event 22, a DNS query.
    pub(in crate::scan) fn is_dns_query(&self) -> bool {
        self.sysmon && self.event_id == DNS_QUERY
    }

    /// Returns whether the record has an event ID with which Windows' own DNS client logs queries.
    /// The provider is not examined: other events with such an ID are rare, and decoding shows
    /// which they are.
    pub(in crate::scan) fn may_be_dns_client_query(&self) -> bool {
        DNS_CLIENT_QUERY_EVENT_IDS.contains(&u32::from(self.event_id))
    }
}
