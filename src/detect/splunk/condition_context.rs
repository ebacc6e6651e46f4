//! The context in which one condition of a search is read: the place in the search, which decides
//! what the condition may contain, and the unknown names and notes that are collected while it is
//! read. [`crate::detect::splunk::head`] reads the conditions.

use std::cell::RefCell;
use std::ops::Range;

use crate::detect::splunk::names::NameResolver;
use crate::detect::splunk::search_error::SearchError;

/// The context in which one condition of a Splunk search is read. It says which names and which
/// kinds of conditions are allowed there. It also collects unknown names, parts that no DNS query
/// meets, and notes for the user.
pub(in crate::detect) struct ConditionContext<'n> {
    /// Says what the names in the search's condition mean: event fields, columns of the search's
    /// `stats` table, or computed values.
    pub(super) names: &'n dyn NameResolver,
    /// The kinds of conditions that are allowed at this place of the search: on fields and on the
    /// origin of events (such as `source`), or on fields only.
    pub(super) allowed: AllowedConditions,
    /// The range of bytes of the first part of the condition that none of Sysmon's DNS queries
    /// meets, with the phrase for an error message that says what was expected there. `None` until
    /// there is such a part.
    unmet: RefCell<Option<(Range<usize>, &'static str)>>,
    /// The errors about unknown names that the condition has so far. An error is dropped if the
    /// part of the condition with the name turns out to be about other events than DNS queries.
    pub(super) unknown: RefCell<Vec<SearchError>>,
    /// Notes for the user about how the condition was understood.
    notes: RefCell<Vec<String>>,
}

/// The kinds of conditions that are allowed at one place of a Splunk search: on fields and on the
/// origin of events, or on fields only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AllowedConditions {
    /// Conditions on fields, on the origin of events (such as `source`) and on their time. Parts of
    /// the condition may be about other events than DNS queries.
    FieldsAndOrigins,
    /// Conditions on the fields of an event or on the columns of a `stats` row, and no others.
    FieldsOnly,
}

impl<'n> ConditionContext<'n> {
    /// Returns the context of a condition that selects events. The condition can test fields, the
    /// origin of events (such as `source`) and their time.
    pub fn of_events(names: &'n dyn NameResolver) -> Self {
        ConditionContext { allowed: AllowedConditions::FieldsAndOrigins, ..Self::of_fields(names) }
    }

    /// Returns the context of a condition in which only fields or columns can be used: a condition
    /// on the rows of the `stats` table, or an exclusion (a site's condition on harmless events).
    pub fn of_fields(names: &'n dyn NameResolver) -> Self {
        ConditionContext {
            names,
            allowed: AllowedConditions::FieldsOnly,
            unmet: RefCell::default(),
            unknown: RefCell::default(),
            notes: RefCell::default(),
        }
    }

    /// Returns the range of bytes of the first part of the condition that none of Sysmon's DNS
    /// queries meets, and what was expected there; `None` if there is no such part.
    pub fn unmet(&self) -> Option<(Range<usize>, &'static str)> {
        self.unmet.borrow().clone()
    }

    /// Records, for an error message, the range of bytes of a part of the condition that none of
    /// Sysmon's DNS queries meets, and what was expected there. Only the first of these parts is
    /// recorded; later calls change nothing.
    pub fn record_unmet(&self, place: &Range<usize>, expected: &'static str) {
        self.unmet.borrow_mut().get_or_insert_with(|| (place.clone(), expected));
    }

    /// Returns the notes for the user about how the condition was understood.
    pub fn notes(self) -> Vec<String> {
        self.notes.into_inner()
    }

    /// Adds a note for the user about the condition, unless the same note was already added.
    pub fn note(&self, note: String) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
}

/// How deep a part of a condition lies inside parentheses and negations.
#[derive(Clone, Copy, Default)]
pub(super) struct Nesting {
    /// The number of pairs of parentheses and `NOT`s that the part of the condition lies in.
    pub depth: usize,
    /// True if the part of the condition lies inside an odd number of `NOT`s, so that an event for
    /// which the part is true is left out.
    pub is_excluded: bool,
}

impl Nesting {
    /// Returns the nesting of a part of a condition that lies inside one more pair of parentheses.
    pub fn deeper(self) -> Self {
        Nesting { depth: self.depth + 1, ..self }
    }

    /// Returns the nesting of a part of a condition that lies inside one more `NOT`.
    pub fn negated(self) -> Self {
        Nesting { is_excluded: !self.is_excluded, ..self.deeper() }
    }
}
