//! The requested period: which events can match, and which events show that DNS queries were logged
//! in it.

use super::time::EventTime;

/// The period for which the user requests matches (events that a detection rule describes), both
/// bounds included. Events outside the period cannot match. By default, the period has no bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// The earliest time in the period; `None` if the period has no earliest time.
    pub since: Option<EventTime>,
    /// The latest time in the period; `None` if the period has no latest time.
    pub until: Option<EventTime>,
    /// The time at which the user requested the sweep, if the period is counted back from then
    /// (such as the last 14 days) and the user gave no end; otherwise `None`. A host's DNS queries
    /// reach the end of the period only if the last of them is at most a day older than this time.
    /// This time does not limit matches: later events still match, because a machine's clock can be
    /// ahead.
    pub ends: Option<EventTime>,
}

impl Window {
    /// Returns whether the user requested a period. Without one, the period has no bounds, and all
    /// times lie in it.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        *self != Window::default()
    }

    /// Returns whether an event with this time can match: whether the period contains the time.
    /// Returns true for an event without a readable time (`None`), because it cannot be ruled out.
    #[must_use]
    pub fn may_match(&self, time: Option<EventTime>) -> bool {
        time.is_none_or(|time| self.contains(time))
    }

    /// Returns whether `time` lies in the period that the user requested, bounds included.
    #[must_use]
    pub fn contains(&self, time: EventTime) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time <= until)
    }

    /// Returns whether an event with this time proves that events were logged in the period. An
    /// event without a readable time (`None`) proves it only if the user requested no period. DNS
    /// queries for which this is true are counted: the absence of matches on a host can be relied
    /// on only if the host has at least one.
    #[must_use]
    pub fn is_covered_by(&self, time: Option<EventTime>) -> bool {
        time.map_or(!self.is_bounded(), |time| self.contains(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_includes_its_ends_and_what_has_no_time() {
        let at = EventTime::from_ticks;
        let window = Window { since: Some(at(5)), until: Some(at(9)), ends: None };
        let held: Vec<i64> = (0..15).filter(|ticks| window.may_match(Some(at(*ticks)))).collect();
        assert_eq!(held, [5, 6, 7, 8, 9]);
        assert!(window.may_match(None));
        assert!(Window::default().may_match(Some(at(i64::MIN))));
    }

    #[test]
    fn an_event_without_a_time_shows_nothing_of_a_window_that_has_a_bound() {
        let at = EventTime::from_ticks;
        let until = Window { since: None, until: Some(at(9)), ends: None };
        assert!(until.is_covered_by(Some(at(9))) && !until.is_covered_by(Some(at(10))));
        assert!(!until.is_covered_by(None) && until.is_bounded());
        assert!(Window::default().is_covered_by(None) && !Window::default().is_bounded());
    }
}
