//! The message of a rule about a match, such as `$process_name$ asked for $QueryName$`. Each name
//! between two `$` is resolved to a field or expression once for a rule, and not once for each
//! match.

use crate::detect::splunk::search::Search;
use crate::detect::term::{EvalInput, Term};
use crate::event::Event;

/// The message of a rule about a match, in which `$field$` stands for the event's value of the
/// field.
#[derive(Debug)]
pub struct RiskMessage<'r> {
    /// The message up to its first `$`, or all of it.
    start: &'r str,
    /// The texts after each `$` of the message, up to the next `$` or to the end of the message.
    parts: Vec<Part<'r>>,
}

/// A text between a `$` of a message and the next `$`, or the end of the message. It can be the
/// name in a placeholder such as `$QueryName$`.
#[derive(Debug)]
struct Part<'r> {
    text: &'r str,
    /// The field or expression whose name this text is. `None` if the text is not the name of a
    /// value, or if no `$` is after it.
    value: Option<Term>,
}

impl<'r> RiskMessage<'r> {
    /// Parses `template`, the message of a rule as the rule file states it. The names between two
    /// `$` are resolved to fields, columns and computed values of the rule's `search`, with the
    /// meaning that they have after the last command of the search.
    #[must_use]
    pub(in crate::detect) fn new(template: &'r str, search: &Search) -> Self {
        let mut texts = template.split('$');
        let start = texts.next().unwrap_or_default();
        let mut parts: Vec<Part<'r>> =
            texts.map(|text| Part { text, value: search.term_named(text) }).collect();
        if let Some(last) = parts.last_mut() {
            last.value = None;
        }
        RiskMessage { start, parts }
    }

    /// Returns the message about an event. If the event has no value for a field, the text
    /// `$field$` stays.
    #[must_use]
    pub fn about(&self, event: &Event) -> String {
        let mut message = String::with_capacity(256);
        message.push_str(self.start);
        let mut parts = self.parts.iter();
        while let Some(part) = parts.next() {
            let value = part.value.as_ref().and_then(|term| term.value(EvalInput::Event(event)).text());
            if let Some(value) = value {
                message.push_str(&value);
                // What follows the `$` that ends the name is text.
                message.push_str(parts.next().map_or("", |after| after.text));
            } else {
                // This `$` does not begin a placeholder that can be filled; the next `$` still may.
                message.push('$');
                message.push_str(part.text);
            }
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::testing::event;

    /// Fills in a message step by step: what a name means is found anew for each `$`.
    fn slow(mut rest: &str, search: &Search, event: &Event) -> String {
        let mut message = String::new();
        while let Some((before, after)) = rest.split_once('$') {
            message.push_str(before);
            let value = after
                .split_once('$')
                .and_then(|(name, after)| search.value_of(name, event).map(|value| (value, after)));
            if let Some((value, after)) = value {
                message.push_str(&value);
                rest = after;
            } else {
                message.push('$');
                rest = after;
            }
        }
        message + rest
    }

    proptest! {
        #[test]
        fn messages_are_filled_in_as_step_by_step(
            parts in prop::collection::vec("\\$|\\$|\\$|Image|QueryName|count|first|nothing|[ a$]", 0..12),
        ) {
            let search = Search::parse("EventCode=22 | stats count min(_time) as first by Image QueryName");
            let (search, template) = (search.unwrap(), parts.concat());
            let event = event(r"C:\$QueryName$\cmd.exe", "pastebin.com");
            let message = RiskMessage::new(&template, &search).about(&event);
            prop_assert_eq!(message, slow(&template, &search, &event), "{}", template);
        }
    }
}
