//! Recognises searches that are about other data than Sysmon's DNS queries. Most rules of a
//! collection are about other data, such as process creations, and use much SPL that dnsweep does
//! not support. This module makes the errors about these rules name the other data, and not the
//! first unsupported command.

use std::ops::Range;

use crate::detect::nearest::nearest;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::splunk::event_code::EXPECTED_EVENT;
use crate::detect::splunk::head::is_operator;
use crate::detect::splunk::origin::{
    EXPECTED_MACRO, EXPECTED_ORIGIN, Origin, is_macro_of_other_data, origin,
};
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token};

/// The name of Splunk's data model (a common schema for events of many products) that describes DNS
/// queries.
pub(in crate::detect) const DATA_MODEL: &str = "Network_Resolution";
/// Commands of SPL that can begin a search, but do not read events from an event log.
const OTHER_COMMANDS: &[&str] = &[
    "inputlookup",
    "makeresults",
    "rest",
    "mstats",
    "metadata",
    "metasearch",
    "dbxquery",
    "ldapsearch",
    "loadjob",
    "savedsearch",
    "inputcsv",
    "gentimes",
    "eventcount",
    "mcatalog",
    "dbinspect",
    "history",
    "audit",
    "sdkquery",
    "snmpget",
    "pivot",
    "set",
    "multisearch",
    "union",
];
/// Commands of SPL that combine several events. If a search with one of them asks for other events
/// besides DNS queries, the whole search counts as one about other data, because the command needs
/// all of these events.
const COMBINING_COMMANDS: &[&str] =
    &["eventstats", "streamstats", "transaction", "join", "selfjoin", "append", "appendcols", "correlate"];
/// The names of the data models of Splunk's Common Information Model, which is a common schema for
/// events of many products.
const MODELS: &[&str] = &[
    "Alerts",
    "Application_State",
    "Authentication",
    "Certificates",
    "Change",
    "Change_Analysis",
    "Data_Access",
    "Databases",
    "DLP",
    "Email",
    "Endpoint",
    "Event_Signatures",
    "Interprocess_Messaging",
    "Intrusion_Detection",
    "Inventory",
    "JVM",
    "Malware",
    DATA_MODEL,
    "Network_Sessions",
    "Network_Traffic",
    "Performance",
    "Risk",
    "Splunk_Audit",
    "Ticket_Management",
    "Updates",
    "Vulnerabilities",
    "Web",
];
/// The names of options of SPL's command `datamodel` that have no effect in a sweep.
const DATA_MODEL_OPTIONS: &[&str] = &["strict_fields", "allow_old_summaries", "summariesonly"];
/// The phrase after "expected" in the error message for wrong arguments of SPL's command
/// `datamodel`.
const EXPECTED_MODE: &str = "DNS and `search` or `flat`, for example datamodel Network_Resolution DNS search";
/// The names of the fields by which a search asks for events with a certain event number.
const EVENT_CODES: &[&str] = &["EventCode", "EventID", "signature_id", "EventId"];

/// The phrase after "expected" in the error message for a search that reads a data model of Splunk
/// other than that of DNS queries.
const EXPECTED_MODEL: &str = "the data model Network_Resolution, because only DNS queries are searched";

/// Returns an error, marked as one about other data, if the search `text` is about data other than
/// DNS queries. The search was already refused with `error`, which the caller must report unless
/// this function returns an error with that mark. `parts` are the ranges of bytes between the `|`
/// of the search.
pub(in crate::detect) fn check(
    text: &str,
    parts: &[Range<usize>],
    error: &SearchError,
) -> Result<(), SearchError> {
    let combines = COMBINING_COMMANDS.iter().any(|command| error.found == format!("'{command}'"));
    let mut parts = parts.iter().cloned().map(|part| Cursor::new(text, part));
    let Some(mut head) = parts.next() else { return Ok(()) };
    if !head.at_end() {
        return check_head(&head, combines);
    }
    let Some(mut first) = parts.next() else { return Ok(()) };
    first.skip_space();
    let command = first.word();
    match command.text.as_str() {
        "tstats" | "from" | "datamodel" => check_model(first, &command),
        "search" => check_head(&first, combines),
        name if OTHER_COMMANDS.contains(&name) => {
            Err(first.error_at(&command, "a search of events").about_other_data())
        }
        _ => Ok(()),
    }
}

/// Reads the name of a data model, such as `Network_Resolution`, with or without the name of a data
/// set in the model, such as `Network_Resolution.DNS`. Any other model than [`DATA_MODEL`] is an
/// error.
pub(in crate::detect) fn data_model(cursor: &mut Cursor<'_>) -> Result<Token, SearchError> {
    cursor.skip_space();
    let start = cursor.at();
    let mut name = cursor.name()?;
    // "Network_Resolution"."DNS"
    while cursor.eat(".") {
        name.text = format!("{}.{}", name.text, cursor.name()?.text);
    }
    name.range = start..cursor.at();
    let model = name.text.split('.').next().unwrap_or_default();
    if model == DATA_MODEL {
        return Ok(name);
    }
    Err(no_model(cursor.error(name.range, EXPECTED_MODEL), model))
}

/// Completes the error about a data model of Splunk with the name `model`, which is not
/// `Network_Resolution`. If `model` is probably a misspelt `Network_Resolution`, adds that name as
/// a suggestion; otherwise marks the error as one about other data.
fn no_model(error: SearchError, model: &str) -> SearchError {
    if nearest(model, MODELS.iter().copied()) == Some(DATA_MODEL) {
        error.near(model, [DATA_MODEL])
    } else {
        error.about_other_data()
    }
}

/// Reads the rest of the command `from`, up to the next `|`. The rest must be
/// `datamodel:Network_Resolution`. Any other source of events is an error.
pub(in crate::detect) fn check_from(cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
    cursor.skip_space();
    let word = cursor.word();
    let name = match word.text.strip_prefix("datamodel") {
        Some("") => "",
        Some(name) if name.starts_with(':') => name.trim_start_matches(':'),
        _ => return Err(cursor.error_at(&word, EXPECTED_MODEL).about_other_data()),
    };
    if name.is_empty() {
        data_model(cursor)?;
    } else {
        let model = name.split('.').next().unwrap_or_default();
        if model != DATA_MODEL {
            return Err(no_model(cursor.error_at(&word, EXPECTED_MODEL), model));
        }
    }
    if cursor.at_end() { Ok(()) } else { Err(cursor.unexpected("`|` or the end of the search")) }
}

/// Reads the rest of the command `datamodel`, up to the next `|`. The rest must be like
/// `Network_Resolution DNS search`.
pub(in crate::detect) fn check_datamodel(cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
    data_model(cursor)?;
    let mut gives_events = false;
    while !cursor.at_end() {
        let word = cursor.name()?;
        let mut ahead = cursor.clone();
        ahead.skip_space();
        if DATA_MODEL_OPTIONS.contains(&word.text.as_str()) && ahead.eat("=") {
            ahead.bare(|_| false)?;
            *cursor = ahead;
        } else if matches!(word.text.as_str(), "search" | "flat" | "acceleration_search") {
            gives_events = true;
        } else if word.text != "DNS" {
            return Err(cursor.error_at(&word, EXPECTED_MODE).near(&word.text, ["search", "flat", "DNS"]));
        }
    }
    if gives_events { Ok(()) } else { Err(cursor.unexpected(EXPECTED_MODE)) }
}

/// Returns an error if the `command` that begins a search (`tstats`, `from` or `datamodel`) reads a
/// data model of Splunk other than that of DNS queries.
fn check_model(mut cursor: Cursor<'_>, command: &Token) -> Result<(), SearchError> {
    match command.text.as_str() {
        "datamodel" => return data_model(&mut cursor).map(|_| ()),
        "from" => return check_from(&mut cursor),
        _ => {}
    }
    while !cursor.at_end() {
        let word = if cursor.peek() == Some('"') { cursor.quoted()? } else { cursor.word() };
        if word.text.eq_ignore_ascii_case("datamodel") {
            cursor.skip_space();
            if cursor.eat("=") {
                return data_model(&mut cursor).map(|_| ());
            }
        } else if word.text.is_empty() {
            cursor.skip_character();
        }
    }
    Ok(())
}

/// What the head of a search (the condition before its first `|`) asks for: Sysmon's events, DNS
/// queries, or other data.
#[derive(Default)]
struct SearchedData {
    /// True if the head of the search (the condition before its first `|`) asks for events that
    /// Sysmon logged.
    sysmon: bool,
    /// True if the head of the search (the condition before its first `|`) asks for DNS queries, by
    /// the event number 22.
    dns_queries: bool,
    /// The range of bytes of the first value in the head of the search that means another origin
    /// than Sysmon, such as a `source`, with the phrase that says what was expected there. `None`
    /// if there is no such value.
    other_origin: Option<(Range<usize>, &'static str)>,
    /// The range of bytes of the first event number in the head of the search that is not 22;
    /// `None` if there is none.
    other_event: Option<Range<usize>>,
}

/// Returns an error if the head of a search (the condition before its first `|`) asks only for
/// other data than DNS queries. `combines` is true if a later command combines the searched events;
/// then it is also an error if the head asks for other events besides DNS queries.
fn check_head(cursor: &Cursor<'_>, combines: bool) -> Result<(), SearchError> {
    let searched = searched_data(cursor.clone())?;
    let other = match (searched.other_event, searched.other_origin) {
        (Some(place), _) if !searched.dns_queries || combines => (place, EXPECTED_EVENT),
        (_, Some(other)) if !searched.sysmon => other,
        _ => return Ok(()),
    };
    Err(cursor.error(other.0, other.1).about_other_data())
}

/// Returns which data the head of a search (the condition before its first `|`) asks for, even if
/// parts of the head are not understood. A quote or a macro call that is not closed is an error.
fn searched_data(mut cursor: Cursor<'_>) -> Result<SearchedData, SearchError> {
    let mut searched = SearchedData::default();
    while !cursor.at_end() {
        if cursor.peek() == Some('`') {
            let call = cursor.macro_call()?;
            searched.sysmon |= call.name == "sysmon";
            if is_macro_of_other_data(&call.name) {
                searched.other_origin.get_or_insert((call.range, EXPECTED_MACRO));
            }
            continue;
        }
        if cursor.peek() == Some('"') {
            cursor.quoted()?;
            continue;
        }
        let name = cursor.word();
        if name.text == "NOT" {
            skip_term(&mut cursor)?;
        } else if name.text.is_empty() {
            cursor.skip_character();
        } else if !is_operator(&name.text) {
            for value in values(&mut cursor)? {
                if EVENT_CODES.contains(&name.text.as_str()) {
                    if Pattern::new(&value.text).matches("22") {
                        searched.dns_queries = true;
                    } else {
                        searched.other_event.get_or_insert(value.range);
                    }
                    continue;
                }
                match origin(&name.text, &value.text) {
                    Some(Origin::Sysmon) => searched.sysmon = true,
                    Some(Origin::Other) => {
                        searched.other_origin.get_or_insert((value.range, EXPECTED_ORIGIN));
                    }
                    Some(Origin::Any) | None => {}
                }
            }
        }
    }
    Ok(searched)
}

/// Reads the values that a condition with `=` or `IN` has after a field's name. Returns none for
/// another comparison, such as `!=`, because the search does not ask for events with its value.
fn values(cursor: &mut Cursor<'_>) -> Result<Vec<Token>, SearchError> {
    let mut values = Vec::new();
    cursor.skip_space();
    if cursor.eat("=") {
        cursor.eat("=");
        values.push(value(cursor)?);
    } else if cursor.eat_keyword(|word| word == "IN") {
        cursor.skip_space();
        if cursor.eat("(") {
            while !cursor.at_end() && !cursor.eat(")") {
                values.push(value(cursor)?);
                cursor.skip_space();
                if !cursor.eat(",") && cursor.peek() != Some(')') {
                    break;
                }
            }
        }
    } else if cursor.eat("!=") || cursor.eat("<") || cursor.eat(">") {
        cursor.eat("=");
        value(cursor)?;
    }
    Ok(values)
}

fn value(cursor: &mut Cursor<'_>) -> Result<Token, SearchError> {
    cursor.skip_space();
    if cursor.peek() == Some('"') { cursor.quoted() } else { cursor.bare(|character| character == ',') }
}

/// Skips the operand after a `NOT`: a comparison, a macro call or a condition in parentheses. It is
/// skipped because a search does not ask for what it negates.
fn skip_term(cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
    cursor.skip_space();
    let mut depth = 0_usize;
    loop {
        match cursor.peek() {
            None => return Ok(()),
            Some('(') => depth += 1,
            Some(')') => depth = depth.saturating_sub(1),
            Some('"') => {
                cursor.quoted()?;
                continue;
            }
            Some('`') => {
                cursor.macro_call()?;
                if depth == 0 {
                    return Ok(());
                }
                continue;
            }
            _ if depth == 0 => {
                let name = cursor.word();
                if name.text.is_empty() {
                    cursor.skip_character();
                }
                if name.text != "NOT" {
                    values(cursor)?;
                    return Ok(());
                }
                cursor.skip_space();
                continue;
            }
            _ => {}
        }
        cursor.skip_character();
        if depth == 0 {
            return Ok(());
        }
    }
}
