//! A DNS query straight from the values of its record, where these are of the types that Sysmon
//! gives them.
//!
//! A decoder reads a chunk's definitions, renders a record as text and leaves it to be parsed,
//! which costs some ten times what it costs to take the nine texts of a DNS query from their
//! places. Anything out of the ordinary is left to the decoder ([`crate::scan::decode::record`]),
//! which is this file's twin: whatever is read here, it reads alike. Only of a record whose
//! definition lost its names more is read here than by the decoder.

use std::ops::Range;

use crate::event::{DnsQueryEvent, System};
use crate::scan::decode::document::canonical_guid;
use crate::scan::evtx::binxml::text::{plain, text};
use crate::scan::evtx::binxml::{FILETIME, FRAGMENT, GUID, HEX64, Index, NULL, SID, TEXT, U8, U16, U32, U64};
use crate::scan::evtx::template::{DataTemplate, EventTemplate, data_template_by_texts, event_template};
use crate::scan::evtx::value::Values;
use crate::scan::skim::seen::Seen;

/// The fields of a DNS query, in the order of [`DnsQueryPlaces`].
const FIELDS: [&str; 9] = [
    "RuleName",
    "UtcTime",
    "ProcessGuid",
    "ProcessId",
    "QueryName",
    "QueryStatus",
    "QueryResults",
    "Image",
    "User",
];

/// The place of the field that no DNS query is without.
const QUERY_NAME: usize = 4;

/// Which substitutions of a definition of `EventData` hold the fields of a DNS query.
#[derive(Debug)]
pub(in crate::scan) struct DnsQueryPlaces([Option<Index>; 9]);

impl DnsQueryPlaces {
    /// Those of a definition; `None` if it has any other field: about the values of that, the
    /// decoder shall decide.
    pub(in crate::scan) fn of(template: &DataTemplate<'_>) -> Option<Self> {
        let mut places = [None; 9];
        for (name, index) in &template.data {
            let field = FIELDS.iter().position(|field| name.is(field))?;
            *places.get_mut(field)? = Some(*index);
        }
        Some(DnsQueryPlaces(places))
    }
}

/// The DNS query that a record is: it is of the definition `template`, has the values `system` and
/// was seen to be one, and its `EventData` has the values `data` at those places. `None` where
/// anything is not as usual.
pub(in crate::scan) fn dns_query(
    template: &EventTemplate,
    system: &Values<'_>,
    seen: &Seen,
    places: &DnsQueryPlaces,
    data: &Values<'_>,
) -> Option<DnsQueryEvent> {
    if !is_usual_system(template, system) || !is_usual_data(data) {
        return None;
    }
    with_data(system_of(template, system, seen)?, places, data)
}

/// A decoder reads all values, used or not, and of some types it refuses what does not look like
/// one.
fn is_usual_system(template: &EventTemplate, values: &Values<'_>) -> bool {
    let is_usual =
        |kind| matches!(kind, NULL | TEXT | U8 | U16 | U32 | U64 | HEX64 | FILETIME | GUID | SID | FRAGMENT);
    let once = |wanted| values.kinds().filter(|kind| *kind == wanted).count() == 1;
    template.is_plain && values.kinds().all(is_usual) && once(FILETIME) && once(FRAGMENT)
}

fn is_usual_data(values: &Values<'_>) -> bool {
    values.kinds().all(|kind| matches!(kind, TEXT | GUID | U32))
}

/// The DNS query that has these values at these places.
fn with_data(system: System, places: &DnsQueryPlaces, data: &Values<'_>) -> Option<DnsQueryEvent> {
    let [rule_name, utc_time, process_guid, process_id, query_name, query_status, query_results, image, user] =
        places.0;
    // A field that is not there is none; one that is there is read, or the record is left to the
    // decoder.
    let text = |place: Option<Index>| match place {
        Some(index) => text(data.bytes(index, TEXT)?).map(Some),
        None => Some(None),
    };
    let process_guid = match process_guid {
        Some(index) => Some(match data.bytes(index, GUID) {
            Some(guid) => self::guid(guid.first_chunk()?),
            None => canonical_guid(&self::text(data.bytes(index, TEXT)?)?),
        }),
        None => None,
    };
    let process_id = match process_id {
        Some(index) => Some(match data.bytes(index, U32) {
            Some(number) => u32::from_le_bytes(*number.first_chunk()?).to_string(),
            None => self::text(data.bytes(index, TEXT)?)?,
        }),
        None => None,
    };
    Some(DnsQueryEvent {
        system,
        rule_name: text(rule_name)?,
        utc_time: text(utc_time)?,
        process_guid,
        process_id,
        query_name: text(query_name)?,
        query_status: text(query_status)?,
        query_results: text(query_results)?,
        image: text(image)?,
        user: text(user)?,
        query_type: None,
        query_options: None,
    })
}

/// A DNS query whose definitions have lost names.
pub(in crate::scan) struct NamelessQuery {
    /// Its data; and its `System`, if the definition of that is whole.
    pub event: DnsQueryEvent,
    pub has_system: bool,
}

/// Reads the DNS query whose content fills that range of the chunk, where what the definition of
/// its data calls the elements may have been overwritten: which is which, the texts in it say
/// (`QueryName`), all of which must be those of a DNS query's fields.
pub(in crate::scan) fn nameless_query(chunk: &[u8], content: Range<usize>) -> Option<NamelessQuery> {
    let values = Values::head(chunk, content.start)?;
    let mut fragments = values.places(FRAGMENT);
    let (Some((at, size)), None) = (fragments.next(), fragments.next()) else { return None };
    let start = values.start() + at;
    let data = Values::read(chunk, start..start + size)?;
    let places = DnsQueryPlaces::of(&data_template_by_texts(chunk, data.definition)?)?;
    if places.0[QUERY_NAME].is_none() || !is_usual_data(&data) {
        return None;
    }
    let system = || {
        let template = event_template(chunk, values.definition, chunk.len())?;
        let seen = Seen::read(&template, &values, content.end)?;
        let is_read = seen.is_dns_query() && is_usual_system(&template, &values);
        is_read.then(|| system_of(&template, &values, &seen)).flatten()
    };
    let system = system();
    let has_system = system.is_some();
    Some(NamelessQuery { event: with_data(system.unwrap_or_default(), &places, &data)?, has_system })
}

fn system_of(template: &EventTemplate, values: &Values<'_>, seen: &Seen) -> Option<System> {
    let [version] = *values.bytes(template.version?, U8)?.first_chunk()?;
    Some(System {
        provider: plain(values.bytes(template.provider?, TEXT)?)?,
        channel: match template.channel {
            Some(index) => plain(values.bytes(index, TEXT)?)?,
            None => template.channel_text.clone(),
        },
        event_id: u32::from(seen.event_id),
        version: Some(u32::from(version)),
        event_record_id: Some(seen.event_record_id),
        computer: template.computer.clone(),
        time_created: Some(seen.time),
        time_created_raw: seen.time.system_time()?,
        user_id: Some(sid(values.bytes(template.user_id?, SID)?)?),
    })
}

/// A GUID in its canonical form. Its first three parts are little-endian numbers.
fn guid(bytes: &[u8; 16]) -> String {
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::with_capacity(36);
    for (place, byte) in ORDER.iter().filter_map(|at| bytes.get(*at)).enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    text
}

/// A security identifier as Windows writes it. `None` for a revision or authority that no real one
/// has.
fn sid(bytes: &[u8]) -> Option<String> {
    let (&[1, _, 0, 0, a0, a1, a2, a3], parts) = bytes.split_first_chunk::<8>()? else { return None };
    let mut text = format!("S-1-{}", u32::from_be_bytes([a0, a1, a2, a3]));
    for part in parts.as_chunks::<4>().0 {
        text.push('-');
        text.push_str(&u32::from_le_bytes(*part).to_string());
    }
    Some(text)
}
