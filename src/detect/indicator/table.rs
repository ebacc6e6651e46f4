//! Lists of indicators as CSV, with a header that names the columns. As some publishers write it,
//! the header can be the last line that begins with `#` before the first row.

use super::list::ListBuilder;
use super::text::uncommented;
use crate::detect::lookup::csv::{CsvRow, csv_rows};

/// Names of columns that contain indicators of any kind, in lower case. If a list has one of them,
/// its columns of [`KIND_COLUMNS`] are not read: they can be about something else, such as the host
/// that reported the indicator.
const INDICATOR_COLUMNS: [&str; 9] = [
    "indicator",
    "indicator_value",
    "indicators",
    "ioc",
    "ioc_value",
    "iocs",
    "observable",
    "observable_value",
    "value",
];
/// Names of columns that contain indicators of one kind, such as addresses. They are read only if
/// the list has no column of [`INDICATOR_COLUMNS`].
const KIND_COLUMNS: [&str; 20] = [
    "address",
    "dest_ip",
    "domain",
    "domain_name",
    "domains",
    "dst_ip",
    "fqdn",
    "host",
    "host_name",
    "hostname",
    "hostnames",
    "hosts",
    "ip",
    "ip_address",
    "ips",
    "ipv4",
    "ipv6",
    "network",
    "url",
    "urls",
];
/// Names of columns that state the kind of the indicator in the same row, such as `domain` or
/// `md5`.
const TYPE_COLUMNS: [&str; 4] = ["indicator_type", "ioc_type", "observable_type", "type"];
/// The name of the column in which MISP states whether an indicator is meant for detection.
const FOR_DETECTION: &str = "to_ids";
/// Words of which the stated kind of an indicator must have one, such as `domain` in `domain-name`.
/// DNS queries cannot show indicators of any other kind, such as hashes of files, so they are left
/// out.
const SEEN_TYPES: [&str; 13] = [
    "address", "cidr", "dns", "domain", "fqdn", "host", "hostname", "ip", "ipv4", "ipv6", "network", "uri",
    "url",
];

/// The columns of a CSV list of indicators that are read, by their 0-based indexes in a row.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The 0-based indexes of the columns that contain indicators.
    indicators: Vec<usize>,
    /// The 0-based index of the column that states the kind of the indicator, such as `domain`.
    /// `None` if the list has no column for it, or if the names of the columns in `indicators`
    /// state the kind already.
    kind: Option<usize>,
    /// The 0-based index of the column that states whether the indicator is meant for detection;
    /// `None` if the list has no column for it.
    for_detection: Option<usize>,
    /// The line of the text on which the header is, from 1.
    line: usize,
}

impl Header {
    /// Finds the header of a list of indicators; `None` if the text has no header with a known
    /// column of indicators, so that it is not read as CSV.
    pub(super) fn find(text: &str) -> Option<Self> {
        let mut commented = None;
        for (line, text) in (1_usize..).zip(text.lines()) {
            if let Some(comment) = text.trim_start().strip_prefix('#') {
                commented = Some((line, comment)).filter(|(_, comment)| comment.contains(','));
            } else if !text.trim().is_empty() {
                // A row can have the name of a column as a value, such as a type.
                let cells = |text: &str| csv_rows(text.trim_start()).next()?.ok().map(|row| row.cells.len());
                let commented = commented
                    .filter(|(_, comment)| cells(comment) == cells(text))
                    .and_then(|(line, comment)| Self::of(comment, line));
                return commented.or_else(|| Self::of(text, line));
            }
        }
        None
    }

    /// Parses the text of a header, which is in the line `line` of the list, from 1. `None` if no
    /// column is known to contain indicators.
    fn of(text: &str, line: usize) -> Option<Self> {
        let row = csv_rows(text.trim_start()).next()?.ok()?;
        let names: Vec<String> = row.cells.iter().map(|cell| column_name(cell)).collect();
        let places = |known: &[&str]| -> Vec<usize> {
            let found = names.iter().enumerate().filter(|(_, name)| known.contains(&name.as_str()));
            found.map(|(place, _)| place).collect()
        };
        let any_kind = places(&INDICATOR_COLUMNS);
        let is_any_kind = !any_kind.is_empty();
        let indicators = if is_any_kind { any_kind } else { places(&KIND_COLUMNS) };
        let kind = places(&TYPE_COLUMNS).first().copied().filter(|_| is_any_kind);
        let for_detection = places(&[FOR_DETECTION]).first().copied();
        (!indicators.is_empty()).then_some(Header { indicators, kind, for_detection, line })
    }

    /// Adds the indicators in the rows after the header to `list`. `text` is the whole CSV, with
    /// the header.
    pub(super) fn read(&self, text: &str, list: &mut ListBuilder) {
        let above: usize = text.split_inclusive('\n').take(self.line).map(str::len).sum();
        for row in csv_rows(text.get(above..).unwrap_or_default()) {
            if list.is_overfull() {
                return;
            }
            match row {
                Ok(row) if row.cells.first().is_some_and(|cell| cell.trim_start().starts_with('#')) => {}
                Ok(row) => self.read_row(&row, list),
                Err(problem) => {
                    list.not_understood(|| format!("after the header in line {}: {problem}", self.line));
                }
            }
        }
    }

    fn read_row(&self, CsvRow { line, cells }: &CsvRow, list: &mut ListBuilder) {
        let line = self.line + line;
        let cell = |place: usize| cells.get(place).map_or("", |cell| cell.trim());
        let kind = self.kind.map(cell).filter(|kind| !kind.is_empty());
        let is_seen = |kind: &str| words(kind).any(|word| SEEN_TYPES.contains(&word.as_str()));
        if let Some(kind) = kind.filter(|kind| !is_seen(kind)) {
            list.other(|| {
                let shown: String = kind.chars().take(80).flat_map(char::escape_debug).collect();
                format!("line {line}: of the type '{shown}', which no DNS query shows")
            });
            return;
        }
        if self.for_detection.is_some_and(|place| matches!(cell(place), "0" | "false" | "False")) {
            list.other(|| format!("line {line}: not for detection ({FOR_DETECTION})"));
            return;
        }
        let is_several = kind.is_some_and(|kind| kind.contains('|'));
        let mut is_empty = true;
        for value in self.indicators.iter().map(|place| uncommented(cell(*place)).trim()) {
            let parts = if is_several { value.split('|').collect() } else { vec![value] };
            // A part that is a number is a port.
            let is_port = |part: &str| is_several && part.chars().all(|digit| digit.is_ascii_digit());
            for part in parts.into_iter().filter(|part| !part.is_empty() && !is_port(part)) {
                is_empty = false;
                list.add(part, || format!("line {line}"));
            }
        }
        if is_empty {
            list.not_understood(|| format!("line {line}: expected an indicator, found none in its column"));
        }
    }
}

/// Returns the name of a column in the form in which names are compared: in lower case, with `_`
/// for each space and hyphen.
fn column_name(cell: &str) -> String {
    let plain = |letter: char| if matches!(letter, ' ' | '-') { '_' } else { letter.to_ascii_lowercase() };
    cell.trim().chars().map(plain).collect()
}

/// Returns the words of a text, which are its sequences of ASCII letters and digits, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_by_their_names() {
        for (text, columns) in [
            ("domain\nevil.com\n", Some(&[0][..])),
            ("\u{feff}".trim_start_matches('\u{feff}'), None),
            ("evil.com\n", None),
            ("evil.com,domain2\n", None),
            ("a,Domain Name,b,IP-Address\n", Some(&[1, 3])),
            ("host,indicator\n", Some(&[1])),
            ("# text\n\n# \"id\",\"ioc_value\",\"ioc_type\"\n\"1\",\"evil.com\",\"domain\"\n", Some(&[1])),
            ("# id,url\n1,evil.com\n", Some(&[1])),
            ("# domain, ip and url\ndomain\n", Some(&[0])),
            ("# url\nevil.com\n", None),
            ("uuid,event_id,category,type,value,comment,to_ids,date\n", Some(&[4])),
        ] {
            let found = Header::find(text).map(|header| header.indicators);
            assert_eq!(found.as_deref(), columns, "{text}");
        }
    }
}
