//! The period that the user asked for: which events can match, and which queries were logged in it.

use super::time::EventTime;

/// The period in which events can match, both bounds included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// The earliest time; `None` for no bound.
    pub since: Option<EventTime>,
    /// The latest time; `None` for no bound.
    pub until: Option<EventTime>,
    /// The end of a period that has no latest time, if there is one: a period that was counted back
    /// from now ends now. Later events still match, as a machine's clock can be ahead.
    pub ends: Option<EventTime>,
}

impl Window {
    /// Whether the period has a bound. Without a bound it contains all times: the user asked for no
    /// period.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        *self != Window::default()
    }

    /// Whether an event with this time may match. An event without a readable time may, as it
    /// cannot be ruled out.
    #[must_use]
    pub fn holds(&self, time: Option<EventTime>) -> bool {
        time.is_none_or(|time| self.contains(time))
    }

    /// Whether `time` lies in the period.
    #[must_use]
    pub fn contains(&self, time: EventTime) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time <= until)
    }

    /// Whether an event with this time proves that events were logged in the period. An event
    /// without a readable time proves it only if the period has no bound.
    #[must_use]
    pub fn is_shown_by(&self, time: Option<EventTime>) -> bool {
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
        let held: Vec<i64> = (0..15).filter(|ticks| window.holds(Some(at(*ticks)))).collect();
        assert_eq!(held, [5, 6, 7, 8, 9]);
        assert!(window.holds(None));
        assert!(Window::default().holds(Some(at(i64::MIN))));
    }

    #[test]
    fn an_event_without_a_time_shows_nothing_of_a_window_that_has_a_bound() {
        let at = EventTime::from_ticks;
        let until = Window { since: None, until: Some(at(9)), ends: None };
        assert!(until.is_shown_by(Some(at(9))) && !until.is_shown_by(Some(at(10))));
        assert!(!until.is_shown_by(None) && until.is_bounded());
        assert!(Window::default().is_shown_by(None) && !Window::default().is_bounded());
    }
}
