//! Conditions of a search on where events come from, and of which time they are.

use crate::detect::splunk::head::{ConditionContext, one_or};
use crate::detect::splunk::head_value::{ValueContext, list, time, value};
use crate::detect::splunk::origin::{EXPECTED_ORIGIN, Origin, is_period, origin};
use crate::detect::splunk::token::{Cursor, SearchError, Token};
use crate::detect::term::condition::Condition;

impl ConditionContext<'_> {
    /// A condition on where events come from or of which time they are, the cursor standing behind
    /// its name; `None` if it is another. What it says of the site's index or of a period is not
    /// known here: it leaves no event out, whether it stands behind a `NOT` or not.
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
        let unsaid = if is_excluded { Condition::never() } else { Condition::All };
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
                    self.note_unsaid(name, &value, is_excluded);
                    unsaid.clone()
                }
            });
        }
        let condition = if conditions.contains(&Condition::All) {
            Condition::All
        } else {
            one_or(conditions, Condition::Or)
        };
        Ok(Some(if differs { condition.negated() } else { condition }))
    }

    /// Says what is made of a condition that says nothing here.
    fn note_unsaid(&self, name: &Token, value: &Token, is_excluded: bool) {
        let name = name.text.as_str();
        if is_period(name) {
            self.note(format!(
                "{name} is not applied: --since, --until and --last limit the time of a sweep"
            ));
        } else if name == "index" && is_excluded {
            self.note(format!("index={} excludes nothing: the site's index is not known here", value.text));
        } else if name == "index" {
            self.note(format!("index={} is taken as the site's, which holds all that is swept", value.text));
        }
    }
}
