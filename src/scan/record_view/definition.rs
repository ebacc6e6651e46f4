//! Finds the element or attribute that each value of a record fills, according to the template
//! definition that the record refers to.

use std::collections::BTreeMap;

use crate::scan::evtx::binxml::Index;
use crate::scan::evtx::binxml::text::Text;
use crate::scan::evtx::token_reader::{Token, tokens};

/// The greatest depth to which nested elements of a template definition are read. Reading ends at a
/// deeper element. Real definitions have four levels; a crafted one could have thousands.
const MOST_LEVELS: usize = 8;
/// The maximum number of characters that are shown of the name of an element or attribute.
const LONGEST_NAME: usize = 64;

/// Returns the place that each value of a record fills, by the value's index: the path of an
/// element or attribute, such as `System/Provider/@Name` or `EventData/Data[QueryName]`.
/// `definition` is the offset of the template definition in the chunk. Reading ends at anything
/// that is not understood, and later places are left out; the result may be empty.
pub(super) fn places(chunk: &[u8], definition: usize) -> BTreeMap<Index, String> {
    let mut places = BTreeMap::new();
    let Some(mut tokens) = tokens(chunk, definition, chunk.len()) else { return places };
    // The name of each element that is open, and the text of its attribute `Name`.
    let mut path: Vec<(String, Option<String>)> = Vec::new();
    let mut attribute: Option<String> = None;
    while let Some(token) = tokens.next() {
        match token {
            Token::Open(name, _) => {
                attribute = None;
                path.push((named(name), None));
                if path.len() > MOST_LEVELS {
                    break;
                }
            }
            Token::Attribute(name) => attribute = Some(named(name)),
            Token::EndOfAttributes => attribute = None,
            Token::CloseEmpty | Token::Close => {
                attribute = None;
                path.pop();
            }
            // A `Data` element is known by the text of its attribute.
            Token::Text(text) => {
                if let (Some("Name"), Some(element)) = (attribute.as_deref(), path.last_mut()) {
                    element.1 = Some(named(text));
                }
            }
            Token::Substitution(index) => {
                places.entry(index).or_insert_with(|| place(&path, attribute.as_deref()));
            }
            Token::End => break,
        }
    }
    places
}

/// Returns the path of the innermost element in `path` or, if `attribute` is given, of this
/// attribute of the element, such as `System/Provider/@Name`. The element `Event`, in which all
/// others lie, is left out of the path.
fn place(path: &[(String, Option<String>)], attribute: Option<&str>) -> String {
    let within = usize::from(path.first().is_some_and(|(name, _)| name == "Event"));
    let attribute = attribute.map(|name| format!("@{name}"));
    let element = |(name, text): &(String, Option<String>)| match text {
        Some(text) => format!("{name}[{text}]"),
        None => name.clone(),
    };
    let elements = path.iter().skip(within).map(element);
    elements.chain(attribute).collect::<Vec<_>>().join("/")
}

fn named(text: Text<'_>) -> String {
    text.decode().unwrap_or_default().chars().take(LONGEST_NAME).collect()
}
