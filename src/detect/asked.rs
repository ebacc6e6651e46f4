//! An event that is asked for the values of its fields, over and over: a rule lists dozens of patterns for the same one.

use std::borrow::Cow;

use super::field::Field;
use crate::event::DnsQueryEvent;

/// An event, and the value of the field that it was asked for last.
#[derive(Debug)]
pub(super) struct Asked<'e> {
    pub event: &'e DnsQueryEvent,
    last: Option<(Field, Option<Cow<'e, str>>)>,
}

impl<'e> Asked<'e> {
    /// One that nothing was asked for yet.
    pub(super) fn new(event: &'e DnsQueryEvent) -> Self {
        Asked { event, last: None }
    }

    /// [`Field::value`] of the event.
    pub(super) fn value(&mut self, field: Field) -> Option<&str> {
        // What is kept stays where it is: to move it out and back would take longer than to compare it with a pattern.
        if self.last.as_ref().is_none_or(|(known, _)| *known != field) {
            self.last = Some((field, field.value(self.event)));
        }
        self.last.as_ref().and_then(|(_, value)| value.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::event;
    use super::*;

    #[test]
    fn each_field_has_its_own_value_whatever_was_asked_before() {
        let event = event(r"C:\a\b.exe", "example.com");
        let mut asked = Asked::new(&event);
        let fields = [Field::QueryName, Field::Image, Field::ProcessName, Field::RuleName];
        for first in fields {
            for second in fields {
                assert_eq!(asked.value(first), first.value(&event).as_deref());
                assert_eq!(asked.value(second), second.value(&event).as_deref());
            }
        }
    }
}
