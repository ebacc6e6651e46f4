//! Reads the conditions of a search on the origin of events (`source`, `index` and similar) and on
//! their time (`earliest` and similar).

use crate::detect::splunk::condition_context::ConditionContext;
use crate::detect::splunk::head::join_conditions;
use crate::detect::splunk::head_value::{ValueContext, list, time, value};
use crate::detect::splunk::origin::{EXPECTED_ORIGIN, Origin, is_period, origin};
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token};
use crate::detect::term::condition::Condition;

impl ConditionContext<'_> {
    /// Reads the rest of a condition on the origin of events, such as `source` or `index`, or on
    /// their time, such as `earliest`. `name` begins the condition and has been read. `None` if
    /// `name` is not a name for an origin or a time, or if no comparison follows. Event logs do not
    /// show Splunk's index, and a sweep does not apply the period of a search. So a condition on
    /// the index or on the time leaves no event out, not even after a `NOT`, and a note for the
    /// user says so. `is_excluded` is true inside an odd number of `NOT`s.
    pub fn origin(
        &self,
        cursor: &mut Cursor<'_>,
        name: &Token,
        is_excluded: bool,
    ) -> Result<Option<Condition>, SearchError> {
        let is_origin = origin(&name.text, "").is_some() || name.text == "nodename";
        let is_period = is_period(&name.text);
        if !is_origin && !is_period {
            return Ok(None);
        }
        let differs = cursor.eat("!=");
        let compares = is_period && (cursor.eat("<") || cursor.eat(">"));
        let values = if differs || cursor.eat("=") || compares {
            vec![if is_period { time(cursor)? } else { value(cursor, ValueContext::Alone)? }]
        } else if cursor.eat_keyword(|word| word == "IN") {
            list(cursor)?
        } else {
            return Ok(None);
        };
        let is_excluded = is_excluded != differs;
        let ignored = if is_excluded { Condition::never() } else { Condition::All };
        let mut conditions = Vec::with_capacity(values.len());
        for value in values {
            conditions.push(match origin(&name.text, &value.text) {
                Some(Origin::Sysmon) => self.record_if_unmet(Condition::Sysmon, &value.range, is_excluded),
                Some(Origin::Other) => {
                    if !is_excluded {
                        self.record_unmet(&value.range, EXPECTED_ORIGIN);
                    }
                    Condition::never()
                }
                Some(Origin::Any) | None => {
                    self.note_ignored(name, &value, is_excluded);
                    ignored.clone()
                }
            });
        }
        let condition = if conditions.contains(&Condition::All) {
            Condition::All
        } else {
            join_conditions(conditions, Condition::Or)
        };
        Ok(Some(if differs { condition.negated() } else { condition }))
    }

    /// Adds a note for the user that a condition on the index (Splunk's store of events) or on a
    /// period is not applied. `is_excluded` is true inside an odd number of `NOT`s.
    fn note_ignored(&self, name: &Token, value: &Token, is_excluded: bool) {
        let name = name.text.as_str();
        if is_period(name) {
            self.note(format!(
                "{name} is not applied; use --since, --until or --last to limit the time of a sweep"
            ));
        } else if name == "index" && is_excluded {
            self.note(format!(
                "index={} excludes nothing, because the index of the events is not known",
                value.text
            ));
        } else if name == "index" {
            self.note(format!("index={} is taken as the index of all events", value.text));
        }
    }
}
