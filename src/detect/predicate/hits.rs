//! What made an event match: the patterns of a rule, as its author wrote them. The predicate
//! decides which patterns these are.

use std::borrow::Cow;

use crate::detect::predicate::field::Field;
use crate::event::Event;

/// The patterns of a rule that made an event match, as the rule's author wrote them. Each list has
/// a pattern once, in the order of the rule. The lists become columns of the table of matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits<'p> {
    /// The patterns of the rule that matched the name in the DNS query.
    pub matched_query: Vec<&'p str>,
    /// Those of `matched_query` whose text lies on label boundaries in the name, so that it is one
    /// or more of the name's whole labels. Regular expressions, and patterns that state no text,
    /// are among them.
    pub matched_query_on_label: Vec<&'p str>,
    /// The patterns of the rule that matched the name or the path of the executable of the process
    /// that made the DNS query.
    pub matched_process: Vec<&'p str>,
    /// The patterns, networks and addresses of the rule that matched the answer to the DNS query.
    pub matched_answer: Vec<Cow<'p, str>>,
}

/// The numbers of patterns in the lists of [`Hits`], in the order of its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HitCount([usize; 4]);

impl<'p> Hits<'p> {
    /// Returns the number of patterns in each list.
    pub(super) fn count(&self) -> HitCount {
        let Hits { matched_query, matched_query_on_label, matched_process, matched_answer } = self;
        HitCount([
            matched_query.len(),
            matched_query_on_label.len(),
            matched_process.len(),
            matched_answer.len(),
        ])
    }

    /// Removes the patterns that were added to the lists after [`Hits::count`] returned these
    /// numbers of patterns.
    pub(super) fn truncate(&mut self, HitCount([query, on_label, process, answer]): HitCount) {
        self.matched_query.truncate(query);
        self.matched_query_on_label.truncate(on_label);
        self.matched_process.truncate(process);
        self.matched_answer.truncate(answer);
    }

    /// Adds a pattern, network or address of the rule that matched the answer to a DNS query,
    /// unless it is listed already. Does nothing if `field` is not a field of the answer.
    pub(super) fn add_answer(&mut self, field: Field, text: Cow<'p, str>) {
        let is_of_answer = matches!(field, Field::QUERY_RESULTS | Field::Answer);
        if is_of_answer && !self.matched_answer.contains(&text) {
            self.matched_answer.push(text);
        }
    }

    /// Adds a pattern of the rule that matched a field of an event to the list for that field: the
    /// queried name, the process or the answer. Does nothing for any other field, or if the pattern
    /// is listed already. `is_on_label` decides whether the pattern's text lies on label boundaries
    /// in a queried name.
    pub(in crate::detect) fn add(
        &mut self,
        event: &Event,
        field: Field,
        text: &'p str,
        is_on_label: impl FnOnce(&str) -> bool,
    ) {
        match field {
            Field::QUERY_NAME => {
                add_once(&mut self.matched_query, text);
                if event.query_name().is_some_and(is_on_label) {
                    add_once(&mut self.matched_query_on_label, text);
                }
            }
            Field::ProcessName | Field::IMAGE => add_once(&mut self.matched_process, text),
            Field::QUERY_RESULTS | Field::Answer => self.add_answer(field, text.into()),
            _ => {}
        }
    }
}

fn add_once<'p>(list: &mut Vec<&'p str>, text: &'p str) {
    if !list.contains(&text) {
        list.push(text);
    }
}
