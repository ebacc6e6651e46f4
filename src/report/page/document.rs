//! The page as plain data: what stands where, as text without markup. `page.html` makes HTML of it.
//! All texts from evidence and from rules must be escaped (`report::escape`) before they come here;
//! the template escapes the markup.

use askama::Template;

use super::charts::Chart;

/// The HTML page, with everything that stands on it.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/page/askama.toml", whitespace = "minimize")]
pub(super) struct Document {
    /// The content security policy: what the browser may load and run.
    pub policy: String,
    /// The version of dnsweep.
    pub version: &'static str,
    /// The name of the `meta` element that has the SHA-256 of `run.json`.
    pub run_sha256_name: &'static str,
    /// The SHA-256 of the output's `run.json`.
    pub run_sha256: String,
    /// The title of the browser's window.
    pub title: String,
    /// The style sheet.
    pub style: String,
    /// The links to the sections.
    pub links: Vec<Link>,
    /// The top of the page.
    pub answer: Top,
    /// The chart of matches; `None` if no match has a time.
    pub timeline: Option<Figure>,
    /// The chart of DNS logging; `None` if no host has a time.
    pub coverage: Option<Figure>,
    /// What the list of hosts contains.
    pub hosts_intro: &'static str,
    /// What the searchable list of hosts leaves out; empty if it is complete.
    pub hosts_left_out: String,
    /// The list of hosts for a browser that runs no script, and for paper.
    pub hosts: Listing,
    /// What the lists of matches contain.
    pub matches_intro: String,
    /// What the searchable list of matches leaves out; empty if it is complete.
    pub matches_left_out: String,
    /// The hosts with matches, worst first.
    pub cards: Vec<Card>,
    /// What the hosts with matches leave out; empty if they are complete.
    pub cards_left_out: String,
    /// The sections that are texts and lists.
    pub sections: Vec<Section>,
    /// What the section on detections contains.
    pub detections_intro: &'static str,
    /// The detections that ran.
    pub detections: Vec<DetectionCard>,
    /// How many detections are not listed; empty if all are.
    pub detections_left_out: String,
    /// What ran: program, machine, times, arguments.
    pub run: Vec<Fact>,
    /// The tables of the output.
    pub outputs: Listing,
    /// How far evidence can be compared with the ledger.
    pub verify_evidence: &'static str,
    /// The licence of the script that makes the grids.
    pub licence: &'static str,
    /// The rows of the list of hosts, packed.
    pub hosts_data: String,
    /// The rows of the list of matches, packed.
    pub matches_data: String,
    /// The script that makes the grids.
    pub tabulator: &'static str,
    /// The page's own script.
    pub script: &'static str,
}

/// A link to a section of the page.
pub(super) struct Link {
    /// The id of the section.
    pub id: &'static str,
    /// The text of the link.
    pub title: &'static str,
}

/// The top of the page: the answer in a sentence, and four figures.
pub(super) struct Top {
    /// What must be known before anything else, such as that the sweep was interrupted.
    pub notices: Vec<String>,
    /// The answer in a sentence.
    pub headline: String,
    /// What else a reader must know, a sentence each.
    pub sentences: Vec<String>,
    /// The four figures.
    pub figures: Vec<KeyFigure>,
    /// The first hosts with matches, with the first query of each.
    pub worst: Listing,
}

/// A figure at the top of the page.
pub(super) struct KeyFigure {
    /// What the figure counts.
    pub label: &'static str,
    /// The figure.
    pub value: String,
    /// What the figure consists of, a line each.
    pub details: Vec<String>,
    /// How the figure is coloured.
    pub tone: Tone,
}

/// The tone of a figure at the top of the page, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Something was found.
    Bad,
    /// Something is not known.
    Warn,
    /// Nothing was found, or nothing is missing.
    Good,
    /// The figure is neither good nor bad.
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Bad => "bad",
            Tone::Warn => "warn",
            Tone::Good => "good",
            Tone::Plain => "plain",
        }
    }
}

/// A chart with its explanation.
pub(super) struct Figure {
    /// What the chart shows, for a reader who does not see it.
    pub label: String,
    /// What the chart shows and how it is read.
    pub intro: String,
    /// The chart as an SVG element.
    pub svg: String,
    /// What the chart does not show, a sentence each.
    pub left_out: Vec<String>,
}

impl Figure {
    /// Returns a chart with its explanation.
    pub(super) fn new(chart: Chart, label: String, intro: String) -> Self {
        Figure { label, intro, svg: chart.svg, left_out: chart.left_out }
    }
}

/// A section with texts and lists.
pub(super) struct Section {
    /// The id by which links lead to the section.
    pub id: &'static str,
    /// The section's title.
    pub title: &'static str,
    /// Texts below the title, a paragraph each.
    pub paragraphs: Vec<String>,
    /// Names with values below the paragraphs.
    pub facts: Vec<Fact>,
    /// The lists of the section.
    pub tables: Vec<Listing>,
}

/// A name with its values, such as the arguments of the run.
pub(super) struct Fact {
    /// The name.
    pub name: &'static str,
    /// The values, a line each.
    pub lines: Vec<String>,
}

/// The most bytes of a list on the page, so that the page stays small whatever the evidence has.
const MOST_LIST_BYTES: usize = 150_000;
/// About the number of bytes of markup around a cell.
const CELL_BYTES: usize = 60;

/// A list on the page, as a table.
pub(super) struct Listing {
    /// The bytes that rows may still take. A row for which there is no room is left out.
    room: usize,
    /// What the list contains, for a reader who does not see the page.
    pub caption: &'static str,
    /// The title above the list; empty for none.
    pub title: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows. Each cell has lines; those after the first are shown with less weight.
    pub rows: Vec<Vec<Lines>>,
    /// What stands in place of the list if it has no rows.
    pub none: &'static str,
    /// How much the list leaves out; empty if it is complete.
    pub left_out: String,
}

/// The lines of a cell of a list.
pub(super) type Lines = Vec<String>;

impl Listing {
    /// Returns a list without rows. `caption` says what it contains; `none` stands in its place as
    /// long as it has no row.
    pub(super) fn new(caption: &'static str, columns: &[(&'static str, Kind)], none: &'static str) -> Self {
        let columns = columns.iter().map(|(title, kind)| Column { title, kind: *kind }).collect();
        let (title, left_out) = (String::new(), String::new());
        Listing { room: MOST_LIST_BYTES, caption, title, columns, rows: Vec::new(), none, left_out }
    }

    /// Returns the list with room for this number of bytes.
    pub(super) fn with_room(self, room: usize) -> Self {
        Listing { room, ..self }
    }

    /// Returns the number of bytes that rows may still take.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Adds a row, with a line for each column, if there is room.
    pub(super) fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.push_lines(cells.map(|line| vec![line]));
    }

    /// Adds a row whose cells can have several lines, if there is room.
    pub(super) fn push_lines<const N: usize>(&mut self, cells: [Lines; N]) {
        let bytes: usize = cells.iter().flatten().map(|line| CELL_BYTES + html_length(line)).sum();
        match self.room.checked_sub(bytes) {
            // No later row takes the place of one that is left out.
            None => self.room = 0,
            Some(room) => {
                self.room = room;
                self.rows.push(cells.into());
            }
        }
    }

    /// Returns the list with this title, and with a text on what it leaves out.
    pub(super) fn titled(self, title: &str, left_out: String) -> Self {
        Listing { title: title.to_owned(), left_out, ..self }
    }

    fn class(&self, column: usize) -> &'static str {
        self.columns.get(column).map_or("", |column| column.kind.class())
    }

    /// Returns the title of a column, which narrow pages show before each cell.
    fn label(&self, column: usize) -> &'static str {
        self.columns.get(column).map_or("", |column| column.title)
    }
}

/// Returns the number of bytes that a text has as HTML.
fn html_length(text: &str) -> usize {
    text.len() + 4 * text.matches(['<', '>', '&', '"', '\'']).count()
}

/// A column of a list on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// The title of the column.
    pub title: &'static str,
    /// What the column contains.
    pub kind: Kind,
}

/// What a column of a list contains, which decides how it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ordinary text.
    Text,
    /// Text that takes much space.
    Wide,
    /// The name of what the row is about.
    Name,
    /// A number.
    Number,
    /// A time.
    Time,
    /// A path or a hash.
    Code,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Wide => "wide",
            Kind::Name => "strong",
            Kind::Number => "number",
            Kind::Time => "time",
            Kind::Code => "code",
        }
    }
}

/// A host with matches.
pub(super) struct Card {
    /// The host's name.
    pub host: String,
    /// The host in a sentence.
    pub about: String,
    /// The host's matches, in groups.
    pub groups: Listing,
}

/// A detection that ran.
pub(super) struct DetectionCard {
    /// The detection's name.
    pub name: String,
    /// What the detection finds, in the words of its rule.
    pub paragraphs: Vec<String>,
    /// What else the rule says, and how many matches there are.
    pub facts: Vec<Fact>,
}
