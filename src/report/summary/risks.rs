//! The risk of hosts and users as text, for a terminal.

use super::layout::{Colours, Grid, Layout, PATH_WIDTH, Side, Tone, VALUE_WIDTH, fitted};
use super::{Extent, counted, grouped};
use crate::report::answer::{Listed, Risk, RiskOfObject, UtcTime};

/// The maximum number of risk objects (hosts and users) that a short summary lists. Further objects
/// are only counted.
const MOST_OBJECTS: usize = 20;
/// The maximum number of messages, and of detections, that are shown for an object at risk (a host
/// or a user). Further ones are only counted.
const MOST_MESSAGES: usize = 3;
/// The width, in columns, to which the name of an object at risk (a host or a user) is cut in the
/// table.
const OBJECT_WIDTH: usize = 31;

/// The risk of hosts and users as text: a table, with details below each row.
#[derive(Debug, Clone, Copy)]
pub struct RiskTable<'a> {
    /// The risk of hosts and users.
    pub risk: &'a Risk,
    /// The width of the text in columns. Longer lines are wrapped.
    pub width: usize,
    /// Whether the text is coloured.
    pub colours: Colours,
    /// How much is shown: the first objects at risk (hosts and users), or all.
    pub extent: Extent,
}

impl RiskTable<'_> {
    /// Returns the risk of hosts and users as text: a table row for each of them, with details in
    /// the lines below it.
    #[must_use]
    pub fn text(&self) -> String {
        let Risk { window_hours, objects, uncounted_events } = self.risk;
        let layout = Layout { width: self.width, colours: self.colours };
        if objects.count == 0 {
            return "no risk events\n".to_owned();
        }
        let shown = objects.items.len().min(self.extent.most(MOST_OBJECTS));
        let head = ["at risk", "type", "score", "events", "first (UTC)", "last"].map(str::to_owned);
        let rows: Vec<[String; 6]> = objects.items.iter().take(shown).map(row).collect();
        let sides = [Side::Left, Side::Left, Side::Right, Side::Right, Side::Left, Side::Left];
        let grid = Grid::of(sides, [&head].into_iter().chain(&rows));
        let mut lines = vec![layout.toned(Tone::Head, &grid.line(&head))];
        for (object, row) in objects.items.iter().zip(&rows) {
            lines.push(layout.toned(Tone::Answer, &grid.line(row)));
            for (label, listed, most) in [
                ("  rules", &object.detections, MOST_MESSAGES),
                ("  ATT&CK", &object.mitre_attack_ids, usize::MAX),
                ("  stories", &object.analytic_stories, usize::MAX),
            ] {
                let items = items(listed, most, VALUE_WIDTH);
                if !items.is_empty() {
                    lines.extend(layout.flow(label, 12, &items));
                }
            }
            for message in items(&object.messages, MOST_MESSAGES, PATH_WIDTH) {
                lines.extend(layout.labelled("  message", &message));
            }
            if object.earlier_events > 0 {
                let earlier = counted(object.earlier_events, "event", "events");
                lines.extend(layout.labelled("  earlier", &format!("{earlier} before this period")));
            }
        }
        let more = objects.count.saturating_sub(shown as u64);
        if more > 0 {
            lines.push(format!("… and {} more at risk: --full lists all", grouped(more)));
        }
        if *uncounted_events > 0 {
            let events = counted(*uncounted_events, "event", "events");
            lines.extend(layout.wrapped(&format!("{events} of further hosts and users are not summed up")));
        }
        let text = format!(
            "Of each host and user, these are the risk events of the {window_hours} hours up to its last one."
        );
        lines.extend(layout.wrapped(&text));
        lines.join("\n") + "\n"
    }
}

fn row(object: &RiskOfObject) -> [String; 6] {
    let time = |time: Option<UtcTime>| {
        time.map(|UtcTime(time)| time.readable().chars().take(16).collect()).unwrap_or_default()
    };
    [
        fitted(&object.object, OBJECT_WIDTH),
        fitted(&object.object_type, OBJECT_WIDTH),
        grouped(object.score),
        grouped(object.events),
        time(object.first_time),
        time(object.last_time),
    ]
}

/// Returns the first `most` texts of a list, each cut to `width` columns. If there are more, adds
/// an item that says how many.
fn items(listed: &Listed<String>, most: usize, width: usize) -> Vec<String> {
    let mut items: Vec<String> = listed.items.iter().take(most).map(|text| fitted(text, width)).collect();
    if let Some(more @ 1..) = listed.count.checked_sub(items.len() as u64) {
        items.push(format!("and {} more", grouped(more)));
    }
    items
}
