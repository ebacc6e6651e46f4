//! Lists of indicators: names, patterns, addresses and networks that somebody published. A list
//! becomes a detection of the DNS queries that ask for one of its names, or that were answered with
//! one of its addresses.
//!
//! - `entry`: one indicator, in the forms in which lists write it
//! - `list`: the entries of a list, and the counts of those that are used and of those left out
//! - `text`, `table`, `stix`: readers of lists as plain text, as CSV and as STIX
//! - `stix_pattern`: patterns in STIX

pub(in crate::detect) mod entry;
mod list;
mod stix;
mod stix_pattern;
mod table;
mod text;

use std::sync::Arc;

pub use list::{IndicatorCounts, LeftOut, MOST_INDICATORS, MOST_LEFT_OUT};

use self::list::ListBuilder;
use self::table::Header;
use super::detection::{Detection, DetectionError, EventSource, Language};
use super::predicate::Predicate;
use super::splunk::search::Search;
use crate::base::digest::sha256;
use crate::base::plain_name::is_plain_name;

/// The first letters of the id of every list of indicators. After them, the id has the name of the
/// list's file.
const ID_START: &str = "iocs-";
/// The maximum number of characters of a file's name that are in the id of its list of indicators.
/// Further characters are left out.
const MOST_ID_NAME: usize = 100;
/// The number of hexadecimal digits of the SHA-256 of a file's name at the end of the id of its
/// list. An id has them only if the file's name cannot be in it unchanged, so that lists with
/// different names have different ids.
const ID_DIGITS: usize = 8;

impl Detection {
    /// Parses a list of indicators, as plain text, CSV or STIX, and makes a detection of it. `name`
    /// is the name of the list's file, after which the detection is named. Error messages call the
    /// file `source_name`. `risk_score`, from 0 to 100, is the score of a match.
    ///
    /// Entries that cannot be used are left out and counted. It is an error if no entry can be
    /// used, or if the list has more than `MOST_INDICATORS` entries.
    pub fn from_indicators(
        text: &str,
        name: &str,
        source_name: &str,
        risk_score: Option<u32>,
    ) -> Result<Self, DetectionError> {
        let mut list = ListBuilder::new(name);
        let wrong =
            |problem: String| DetectionError::Indicators { source_name: source_name.to_owned(), problem };
        read(text.strip_prefix('\u{feff}').unwrap_or(text), &mut list).map_err(wrong)?;
        if list.is_overfull() {
            return Err(wrong(format!("expected at most {MOST_INDICATORS} indicators, found more")));
        }
        let notes = notes(&list);
        let ListBuilder { mut names, mut addresses, counts, .. } = list;
        if counts.entries() == 0 {
            let first = counts.not_understood.first.first().or(counts.other.first.first());
            let first = first.map(|reason| format!("; {reason}")).unwrap_or_default();
            return Err(wrong(format!("expected names or addresses, found none{first}")));
        }
        names.seal();
        addresses.seal();
        let mut parts = Vec::new();
        if !names.is_empty() {
            parts.push(Predicate::ListedName(Arc::new(names)));
        }
        if !addresses.is_empty() {
            parts.push(Predicate::ListedAddress(Arc::new(addresses)));
        }
        Ok(Detection {
            language: Language::Indicators,
            source: EventSource::Sysmon,
            id: list_id(name),
            name: name.to_owned(),
            version: None,
            date: None,
            author: None,
            status: None,
            detection_type: None,
            description: Some(format!("A list of indicators: {}", counts.text())),
            false_positives: Vec::new(),
            references: Vec::new(),
            mitre_attack_id: Vec::new(),
            analytic_story: Vec::new(),
            risk_score,
            risk_message_template: None,
            risk_objects: Vec::new(),
            threat_objects: Vec::new(),
            search: Search::of(Predicate::Or(parts)),
            tests: Vec::new(),
            notes,
            indicators: Some(counts),
        })
    }
}

/// Adds the entries in `text`, the content of a file with a list of indicators, to `list`. The
/// beginning of the text decides whether it is read as STIX, CSV or plain text. The error says why
/// a text in JSON is not STIX.
fn read(text: &str, list: &mut ListBuilder) -> Result<(), String> {
    let start = text.trim_start();
    let is_array = start.strip_prefix('[').is_some_and(|inner| inner.trim_start().starts_with('{'));
    if start.starts_with('{') || is_array {
        return stix::read(text, list);
    }
    match Header::find(text) {
        Some(header) => header.read(text, list),
        None => text::read(text, list),
    }
    Ok(())
}

/// Returns the notes that the user sees on a list of indicators: for each of the first few entries
/// that are left out, why; and which entries match more than their author may have meant.
fn notes(ListBuilder { counts, remarks, more_remarks, .. }: &ListBuilder) -> Vec<String> {
    let not_understood = counts.not_understood.first.iter().map(|reason| format!("not understood: {reason}"));
    let other = counts.other.first.iter().map(|reason| format!("left out: {reason}"));
    let more = (*more_remarks > 0).then(|| format!("{more_remarks} more entries are public suffixes"));
    not_understood.chain(remarks.iter().cloned()).chain(more).chain(other).collect()
}

/// Returns the id of a list of indicators whose file has this name: `iocs-evil.txt` for `evil.txt`.
/// The id depends on the file's name only, so it stays the same when the list grows.
fn list_id(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let plain: String =
        name.chars().take(MOST_ID_NAME).map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let id = format!("{ID_START}{plain}");
    if plain == name && is_plain_name(&id) {
        return id;
    }
    let digest = sha256(name.as_bytes());
    format!("{id}-{}", digest.get(..ID_DIGITS).unwrap_or_default())
}

#[cfg(test)]
mod tests;
