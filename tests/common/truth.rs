//! What has to be found, from files and descriptions that dnsweep did not make: lines of JSON,
//! times, and the columns that follow from others.

use std::fs;
use std::path::Path;

use dnsweep_samples::time;
use serde_json::Value;

/// The Unix epoch as a FILETIME, in units of 100 ns since 1601 (Microsoft's documentation of
/// FILETIME).
const UNIX_EPOCH: i64 = 116_444_736_000_000_000;

/// The id of the built-in detection.
pub const SEED_ID: &str = "3cf0dc36-484d-11ec-a6bc-acde48001122";

/// The built-in detection's patterns for QueryName, in the rule's order.
pub const QUERY_PATTERNS: [&str; 4] = ["*pastebin*", "*discord*", "*api.telegram*", "*t.me*"];
/// The built-in detection's patterns for `process_name`, the file name of the querying program.
pub const NAME_PATTERNS: [&str; 5] = ["cmd.exe", "*powershell*", "pwsh.exe", "wscript.exe", "cscript.exe"];
/// The built-in detection's patterns for Image, the path of the querying program.
pub const IMAGE_PATTERNS: [&str; 6] = [
    r"*\users\public\*",
    r"*\programdata\*",
    r"*\temp\*",
    r"*\Windows\Tasks\*",
    r"*\appdata\*",
    r"*\perflogs\*",
];

/// Reads a file of JSON lines.
pub fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Parses a time such as `2025-03-04T08:05:48.0422731Z`, with any number of decimals, a blank for
/// the T, or no Z. Returns units of 100 ns since 1970.
pub fn ticks(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    let whole = time::filetime(
        number(0..4),
        number(5..7),
        number(8..10),
        number(11..13),
        number(14..16),
        number(17..19),
    );
    let decimals = text[19..].trim_start_matches('.').trim_end_matches('Z');
    let steps: i64 = format!("{decimals:0<7}")[..7].parse().unwrap();
    i64::try_from(whole).unwrap() - UNIX_EPOCH + steps
}

/// Parses a time as [`ticks`] does. Returns microseconds since 1970, rounded down.
pub fn microseconds(text: &str) -> i64 {
    ticks(text).div_euclid(10)
}

/// Returns the microseconds since 1970 of a FILETIME, rounded down.
pub fn microseconds_of_filetime(filetime: u64) -> i64 {
    (i64::try_from(filetime).unwrap() - UNIX_EPOCH).div_euclid(10)
}

/// Returns the file name of a program: what follows the last backslash of its path, `image`.
pub fn process_name(image: &str) -> &str {
    image.rsplit('\\').next().unwrap()
}

/// Returns the built-in detection's message about a match.
pub fn risk_message(process_name: &str, query_name: &str, computer: &str) -> String {
    format!("suspicious process {process_name} has a dns query in {query_name} on {computer}")
}

/// Returns those of the built-in detection's patterns that describe a queried name.
pub fn query_hits(query_name: &str) -> Vec<&'static str> {
    QUERY_PATTERNS.into_iter().filter(|pattern| describes(pattern, query_name)).collect()
}

/// Returns those of the built-in detection's patterns that describe a program: first those for its
/// file name, then those for its path.
pub fn process_hits(image: &str) -> Vec<&'static str> {
    let names = NAME_PATTERNS.into_iter().filter(|pattern| describes(pattern, process_name(image)));
    names.chain(IMAGE_PATTERNS.into_iter().filter(|pattern| describes(pattern, image))).collect()
}

/// Returns true if a pattern describes a value. The pattern has a star at both ends, or none. Case
/// does not matter.
fn describes(pattern: &str, value: &str) -> bool {
    let (pattern, value) = (pattern.to_lowercase(), value.to_lowercase());
    match pattern.strip_prefix('*').and_then(|rest| rest.strip_suffix('*')) {
        Some(part) => value.contains(part),
        None => value == pattern,
    }
}

/// Fails unless `found` and `expected` contain the same objects, in any order. Only the members of
/// an expected object are compared.
#[track_caller]
pub fn assert_same_rows(found: &[Value], expected: &[Value]) {
    let keys: Vec<&String> =
        expected.first().map(|row| row.as_object().unwrap().keys().collect()).unwrap_or_default();
    let text = |row: &Value| {
        let cells: Vec<String> = keys.iter().map(|key| format!("{key}: {}", row[key.as_str()])).collect();
        cells.join("\n    ")
    };
    let mut found_texts: Vec<String> = found.iter().map(text).collect();
    let mut expected_texts: Vec<String> = expected.iter().map(text).collect();
    found_texts.sort();
    expected_texts.sort();
    let missing: Vec<&String> = expected_texts.iter().filter(|row| !found_texts.contains(row)).collect();
    let surplus: Vec<&String> = found_texts.iter().filter(|row| !expected_texts.contains(row)).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing: {missing:#?}\nnot expected: {surplus:#?}");
    assert_eq!(found.len(), expected.len(), "some rows are there several times");
}
