//! Caches, for one event, the value of the field that was read last. A rule compares one field with
//! dozens of patterns, one after the other.

use std::borrow::Cow;

use crate::detect::predicate::field::Field;
use crate::detect::predicate::pairs::BytePairs;
use crate::detect::predicate::pattern::Pattern;
use crate::event::Event;

/// An event whose fields a predicate reads, with the value of the field that was read last.
#[derive(Debug)]
pub(in crate::detect) struct FieldCache<'e> {
    pub event: &'e Event,
    last: Option<CachedValue<'e>>,
}

/// The cached value of a field, and the pairs of neighbouring bytes in it.
#[derive(Debug)]
struct CachedValue<'e> {
    field: Field,
    /// The value that the event has in the field; `None` if the event does not have the field.
    value: Option<Cow<'e, str>>,
    /// The pairs of neighbouring bytes in the field's value. They rule out most patterns fast:
    /// those whose literals have a pair that the value does not have. `None` until the value is
    /// compared with a pattern.
    pairs: Option<BytePairs>,
}

impl<'e> FieldCache<'e> {
    /// Makes a cache for an event, with no value in it.
    pub(in crate::detect) fn new(event: &'e Event) -> Self {
        FieldCache { event, last: None }
    }

    /// Returns the value that the event has in a field, like [`Field::value`]. If the field was
    /// also read last, the value comes from the cache.
    fn value(&mut self, field: Field) -> Option<&str> {
        self.cached(field).value.as_deref()
    }

    /// Returns true if `holds` is true of the value that the event has in a field; for a field with
    /// several values, of at least one of them. Returns false if the event does not have the field.
    pub(in crate::detect) fn any(&mut self, field: Field, holds: impl Fn(&str) -> bool) -> bool {
        if field.is_multivalued() {
            return field.values(self.event).any(holds);
        }
        self.value(field).is_some_and(holds)
    }

    /// Calls `see` with the value that the event has in a field; for a field with several values,
    /// with each of them. Does not call it if the event has no value in the field.
    pub(in crate::detect) fn each(&mut self, field: Field, mut see: impl FnMut(&str)) {
        if field.is_multivalued() {
            field.values(self.event).for_each(see);
        } else if let Some(value) = self.value(field) {
            see(value);
        }
    }

    /// Returns true if the value that the event has in a field matches the pattern; for a field
    /// with several values, if at least one does. Returns false if the event does not have the
    /// field.
    pub(in crate::detect) fn matches(&mut self, field: Field, pattern: &Pattern) -> bool {
        if field.is_multivalued() {
            return field.values(self.event).any(|value| pattern.matches(value));
        }
        let CachedValue { value: Some(value), pairs, .. } = self.cached(field) else { return false };
        let pairs = *pairs.get_or_insert_with(|| BytePairs::of(value.as_bytes()));
        pattern.matches_with(value, pairs)
    }

    fn cached(&mut self, field: Field) -> &mut CachedValue<'e> {
        // The cached value is not moved out and back, which would take longer than a comparison
        // with a pattern.
        if self.last.as_ref().is_none_or(|known| !is_same(known.field, field)) {
            self.last = None;
        }
        self.last.get_or_insert_with(|| CachedValue { field, value: field.value(self.event), pairs: None })
    }
}

/// Returns true if two fields are the same. The names of fields are nearly always the same texts at
/// the same place in memory, and then need no comparison.
fn is_same(left: Field, right: Field) -> bool {
    match (left, right) {
        (Field::Data(left), Field::Data(right)) if std::ptr::eq(left, right) => true,
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::event;

    #[test]
    fn each_field_has_its_own_value_whatever_was_read_before() {
        let event = event(r"C:\a\b.exe", "example.com");
        let mut cache = FieldCache::new(&event);
        let fields = [Field::QUERY_NAME, Field::IMAGE, Field::ProcessName, Field::Data("RuleName")];
        for first in fields {
            for second in fields {
                assert_eq!(cache.value(first), first.value(&event).as_deref());
                assert_eq!(cache.value(second), second.value(&event).as_deref());
                let file = Pattern::new("*.exe");
                let expected = [Field::IMAGE, Field::ProcessName].contains(&first);
                assert_eq!(cache.matches(first, &file), expected);
            }
        }
    }
}
