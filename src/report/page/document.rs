//! The page of an output (`report.html`) as plain data: what the page contains and where, as text
//! without markup. The template `page.html` makes HTML of it, and escapes the markup. Texts from
//! evidence and from rules must be escaped by `report::escape` before they are put here.

use askama::Template;

use super::charts::Chart;
use super::processes::Tree;

/// The data of the whole HTML page (`report.html`).
#[derive(Template)]
#[template(path = "page.html", config = "src/report/page/askama.toml", whitespace = "minimize")]
pub(super) struct Document {
    /// The content security policy of the page: what the browser may load and run.
    pub policy: String,
    /// The version of dnsweep that makes the page.
    pub version: &'static str,
    /// The name of the `meta` element that has the SHA-256 of `run.json`.
    pub run_sha256_name: &'static str,
    /// The SHA-256 of the output's `run.json`.
    pub run_sha256: String,
    /// The title of the browser's window.
    pub title: String,
    /// The text of the page's style sheet, which includes that of Tabulator.
    pub style: String,
    /// The links to the page's sections.
    pub links: Vec<Link>,
    /// The top of the page: the result of the sweep in a sentence, four key figures, and the worst
    /// hosts.
    pub answer: Top,
    /// The chart of matches by host and time; `None` if no match has a time.
    pub timeline: Option<Figure>,
    /// The chart of when DNS queries were logged on each host; `None` if neither a match nor a
    /// record has a time.
    pub coverage: Option<Figure>,
    /// The text above the list of hosts, which says what the list contains.
    pub hosts_intro: &'static str,
    /// A sentence on how many hosts the page's searchable list leaves out; empty if it has all.
    pub hosts_left_out: String,
    /// The list of hosts for a browser that runs no script, and for paper.
    pub hosts: Listing,
    /// The text above the lists of matches, which says what they contain.
    pub matches_intro: String,
    /// A sentence on what the searchable list of matches leaves out; empty if it has all.
    pub matches_left_out: String,
    /// A card (a box with the host's matches) for each of the first hosts with matches, worst
    /// first: by risk score, then by number of matches.
    pub cards: Vec<Card>,
    /// A sentence on how many hosts with matches have no card (a box with their matches); empty if
    /// each has one.
    pub cards_left_out: String,
    /// The sections that consist of texts and lists, such as the section on damage.
    pub sections: Vec<Section>,
    /// The text above the detections. It says that the words of their rules are not findings.
    pub detections_intro: &'static str,
    /// The detections that ran and that the page describes, those with the most matches first.
    pub detections: Vec<DetectionCard>,
    /// A sentence on how many detections that ran are not described; empty if all are.
    pub detections_left_out: String,
    /// The facts about the sweep itself, such as its program, arguments, times and machine.
    pub run: Vec<Fact>,
    /// The list of the output's tables, each with its SHA-256.
    pub outputs: Listing,
    /// A sentence on how far the evidence can be compared with the ledger (`files.parquet`): by
    /// contents, or only by names and sizes.
    pub verify_evidence: &'static str,
    /// The text of the licence of Tabulator, the script that makes the page's grids.
    pub licence: &'static str,
    /// The rows of the searchable list of hosts, packed into text for the page's script.
    pub hosts_data: String,
    /// The rows of the searchable list of matches, packed into text for the page's script.
    pub matches_data: String,
    /// The text of Tabulator, the script that makes the page's grids (lists that can be searched).
    pub tabulator: &'static str,
    /// The JavaScript that was written for this page. It fills the page's grids and searches them.
    pub script: &'static str,
}

/// A link to a section of the page.
pub(super) struct Link {
    /// The id of the section.
    pub id: &'static str,
    /// The text of the link.
    pub title: &'static str,
}

/// The top of the page: the result of the sweep in a sentence, four key figures, and the worst
/// hosts.
pub(super) struct Top {
    /// What a reader must know before the result, such as that the sweep was interrupted.
    pub notices: Vec<String>,
    /// The result of the sweep in a sentence, such as `3 matches on 2 of 3 hosts`.
    pub headline: String,
    /// What else a reader must know, such as which hosts are not cleared; a sentence each.
    pub sentences: Vec<String>,
    /// The four key figures, such as the number of hosts with matches.
    pub figures: Vec<KeyFigure>,
    /// The list of the worst hosts with matches, with the first matching query of each.
    pub worst: Listing,
}

/// One of the four key figures at the top of the page: a number or a time in large type, such as
/// how many hosts have matches.
pub(super) struct KeyFigure {
    /// What the key figure counts, such as `Hosts with matches`.
    pub label: &'static str,
    /// The number or the time that the key figure shows, as text, such as `2 of 3`.
    pub value: String,
    /// Lines below the key figure that say more, such as how many matches the hosts have.
    pub details: Vec<String>,
    /// Whether the key figure is good or bad news, which decides its colour.
    pub tone: Tone,
}

/// Whether a key figure at the top of the page is good or bad news, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// The key figure is bad news: the sweep found matches.
    Bad,
    /// The key figure is a warning: hosts are not cleared, or evidence was not read whole.
    Warn,
    /// The key figure is good news: no host has matches, all are cleared, or all was read.
    Good,
    /// The key figure is neither good nor bad news.
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

/// A chart on the page, with its explanation.
pub(super) struct Figure {
    /// What the chart shows, for a screen reader.
    pub label: String,
    /// The text above the chart: what it shows, and how to read it.
    pub intro: String,
    /// The chart as an SVG element.
    pub svg: String,
    /// What the chart does not show, a sentence each. Empty if it shows everything.
    pub left_out: Vec<String>,
}

impl Figure {
    /// Returns a chart with its explanation: `label` is for screen readers, and `intro` is shown
    /// above the chart.
    pub(super) fn new(chart: Chart, label: String, intro: String) -> Self {
        Figure { label, intro, svg: chart.svg, left_out: chart.left_out }
    }
}

/// A section of the page that consists of texts and lists.
pub(super) struct Section {
    /// The id by which links lead to the section.
    pub id: &'static str,
    /// The text of the link, at the top of the page, that leads to this section.
    pub link: &'static str,
    /// The section's title.
    pub title: &'static str,
    /// The texts below the section's title, a paragraph each.
    pub paragraphs: Vec<String>,
    /// Names with their values, which the page shows below the section's paragraphs.
    pub facts: Vec<Fact>,
    /// The lists of the section.
    pub tables: Vec<Listing>,
}

/// A name with its values, as the page shows them, such as `Command line` and the command line of
/// the sweep.
pub(super) struct Fact {
    /// The name of what the values are, such as `Command line`.
    pub name: &'static str,
    /// The values that belong to the name, a line each.
    pub lines: Vec<String>,
}

/// The maximum number of bytes of HTML that the rows of a list take, unless the list has a limit of
/// its own. It keeps the page small, however much the evidence contains.
const MOST_LIST_BYTES: usize = 150_000;
/// The approximate number of bytes of HTML markup around each line of a cell.
const CELL_BYTES: usize = 60;

/// A list on the page, as a table.
pub(super) struct Listing {
    /// The number of bytes of HTML that further rows may take. A row for which there is no room is
    /// left out.
    room: usize,
    /// What the list contains, for a screen reader.
    pub caption: &'static str,
    /// The title above the list; empty for none.
    pub title: String,
    /// The columns of the list, from left to right.
    pub columns: Vec<Column>,
    /// The rows. Each cell has one or more lines; the page shows the lines after the first in a
    /// muted colour.
    pub rows: Vec<Vec<Lines>>,
    /// The text in place of the list if it has no rows.
    pub none: &'static str,
    /// A sentence on how much the list leaves out; empty if it is complete.
    pub left_out: String,
}

/// The lines of a cell of a list.
pub(super) type Lines = Vec<String>;

impl Listing {
    /// Returns a list without rows. `caption` says what the list contains; `none` is shown in its
    /// place if no row is added.
    pub(super) fn new(caption: &'static str, columns: &[(&'static str, Kind)], none: &'static str) -> Self {
        let columns = columns.iter().map(|(title, kind)| Column { title, kind: *kind }).collect();
        let (title, left_out) = (String::new(), String::new());
        Listing { room: MOST_LIST_BYTES, caption, title, columns, rows: Vec::new(), none, left_out }
    }

    /// Returns the list with another limit: the rows that are added from now on take at most `room`
    /// bytes of HTML.
    pub(super) fn with_room(self, room: usize) -> Self {
        Listing { room, ..self }
    }

    /// Returns the number of bytes of HTML that further rows of the list may take.
    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// Adds a row to the list, with one line of text for each column. If there is no room for the
    /// row, it and all later ones are left out.
    pub(super) fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.push_lines(cells.map(|line| vec![line]));
    }

    /// Adds a row to the list. Each of its cells can have several lines. If there is no room for
    /// the row, it and all later ones are left out.
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

    /// Returns the list with this title, and with `left_out`, a sentence on how much it leaves out.
    pub(super) fn titled(self, title: &str, left_out: String) -> Self {
        Listing { title: title.to_owned(), left_out, ..self }
    }

    fn class(&self, column: usize) -> &'static str {
        self.columns.get(column).map_or("", |column| column.kind.class())
    }

    /// Returns the title of the column with the index `column`. Narrow pages show it before each
    /// cell.
    fn label(&self, column: usize) -> &'static str {
        self.columns.get(column).map_or("", |column| column.title)
    }
}

/// Returns the number of bytes of a text in HTML, where `<`, `>`, `&` and quotes are escaped.
pub(super) fn html_length(text: &str) -> usize {
    text.len() + 4 * text.matches(['<', '>', '&', '"', '\'']).count()
}

/// A column of a list on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// The title of the column.
    pub title: &'static str,
    /// What the column contains, which decides how the page shows it.
    pub kind: Kind,
}

/// What a column of a list contains, which decides how the page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The column contains ordinary text.
    Text,
    /// The column contains text that takes much space, and is therefore wide.
    Wide,
    /// The column contains the name of what each row is about, such as a host.
    Name,
    /// The column contains numbers.
    Number,
    /// The column contains times.
    Time,
    /// The column contains paths or hashes.
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

/// A host with matches, as the page shows it in a box: the host's name, a sentence about it, a list
/// of its matches, and the processes that made the matching queries.
pub(super) struct Card {
    /// The host's name.
    pub host: String,
    /// How many matches the host has, from when to when, and in which evidence, in a sentence.
    pub about: String,
    /// The list of the host's matches, with a row for each group of matches that agree (such as in
    /// program, name and answer).
    pub groups: Listing,
    /// The host's process tree: the processes that made its matching queries, and their ancestors.
    pub tree: Tree,
}

/// A detection that ran, as the page shows it in a box.
pub(super) struct DetectionCard {
    /// The detection's name.
    pub name: String,
    /// What the detection finds, in the words of its rule.
    pub paragraphs: Vec<String>,
    /// What else the rule says, and how many matches the detection has, each as a name with values.
    pub facts: Vec<Fact>,
}
