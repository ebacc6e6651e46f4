//! The start tag of an element in event XML: whether it is well formed, and the values of its
//! attributes.

use std::collections::HashSet;

use quick_xml::escape::unescape;
use quick_xml::events::BytesStart;

use crate::scan::decode::record::causes;

/// The characters that count as white space in XML.
pub(super) const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Checks that a start tag is well formed: the tag must have a name, and its attributes must be
/// separated by white space, have different names, and have quoted values. If a name occurred
/// twice, readers could choose different values. The error says what was expected and what was
/// found.
pub(super) fn well_formed(start: &BytesStart<'_>) -> Result<(), String> {
    if !is_name(start.name().into_inner()) {
        return Err("expected the name of an element, found none".to_owned());
    }
    let mut names = HashSet::new();
    let mut rest = start.attributes_raw();
    while let Some(attribute) = Some(rest.trim_start_matches(SPACE)).filter(|rest| !rest.is_empty()) {
        let found = || {
            let found: String = attribute.chars().take(40).collect();
            format!("expected an attribute after white space, found '{}'", found.escape_debug())
        };
        let (name, value) = attribute.split_once('=').ok_or_else(found)?;
        let name = name.trim_end_matches(SPACE);
        let value = value.trim_start_matches(SPACE);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or_else(found)?;
        let (value, after) = value.get(1..).and_then(|value| value.split_once(quote)).ok_or_else(found)?;
        if !is_name(name) || value.contains('<') || rest.len() == attribute.len() {
            return Err(found());
        }
        if !names.insert(name) {
            return Err(format!(
                "expected attributes with different names, found two named '{}'",
                name.escape_debug()
            ));
        }
        rest = after;
    }
    Ok(())
}

/// Returns the value of the first attribute with this name, in any namespace; `None` if the element
/// has no attribute of that name. Fails if an attribute before it, or its value, cannot be read.
pub(super) fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let mut attributes = start.attributes();
    // The check that names differ compares each name with all others, of which a crafted element
    // can have a hundred thousand.
    attributes.with_checks(false);
    for attribute in attributes {
        let attribute = attribute.map_err(|error| causes(&error))?;
        if attribute.key.local_name().into_inner() == name {
            return unescape(&attribute.value)
                .map(|text| Some(text.into_owned()))
                .map_err(|error| causes(&error));
        }
    }
    Ok(None)
}

/// Returns whether a text can be an XML name. Only its ASCII characters are examined.
pub(super) fn is_name(text: &str) -> bool {
    let is_start =
        |first: char| first.is_ascii_alphabetic() || matches!(first, '_' | ':') || !first.is_ascii();
    let is_other = |other: char| is_start(other) || other.is_ascii_digit() || matches!(other, '-' | '.');
    text.starts_with(is_start) && text.chars().all(is_other)
}
