//! The guide: what dnsweep reads, what its outputs contain and what they mean, with a page for each
//! topic.
//!
//! Each page is a Markdown file beside this one. It is read in three places: here, on the web as it
//! is, and in a terminal by `dnsweep guide TOPIC`. `tests/readme.rs` checks that its tables and
//! examples agree with the program, and `.ci/run` runs its commands.

/// A page of the user's guide to dnsweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The word by which `dnsweep guide TOPIC` finds the page: the name of its file without `.md`.
    pub topic: &'static str,
    /// What the page of the guide is about, in a few words.
    pub about: &'static str,
    /// The text of the guide's page, in Markdown.
    pub text: &'static str,
}

/// Defines where the links between pages of the user's guide lead in the documentation that rustdoc
/// makes. Each page also ends with its own definitions of these links, for readers on the web. Of
/// two definitions of a link, Markdown takes the first, so these definitions are put before the
/// text of the page.
macro_rules! links {
    () => {
        "[anomalies]: crate::guide::anomalies
[clocks]: crate::guide::anomalies#clocks
[containers]: crate::guide::containers
[deleted files]: crate::guide::containers#deleted-files
[what is not read]: crate::guide::containers#what-is-not-read-and-how-you-learn-of-it
[context]: crate::guide::context
[copies]: crate::guide::anomalies#copies-of-an-event
[damage]: crate::guide::damage
[checksums]: crate::guide::damage#checksums
[times that cannot be read]: crate::guide::damage#times-that-cannot-be-read
[event XML]: crate::guide::event_xml
[evidence]: crate::guide::evidence
[exclusions]: crate::guide::exclusions
[exports]: crate::guide::exports
[exit statuses]: crate::guide::exit_statuses
[all queries]: crate::guide::tables#queriesparquet
[inside]: crate::guide::queries#patterns-that-match-inside-labels
[labels]: crate::guide::tables#patterns-and-labels
[indicators]: crate::guide::indicators
[leads]: crate::guide::leads
[names]: crate::guide::tables#how-names-are-split
[provenance]: crate::guide::provenance
[programs]: crate::guide::queries#in-other-programs
[contents]: crate::guide::queries#whose-records-a-log-contains
[queries]: crate::guide::queries
[recovery]: crate::guide::recovery
[rules]: crate::guide::rules
[scale]: crate::guide::scale
[show]: crate::guide::show
[tables]: crate::guide::tables
[timeline]: crate::guide::timeline
[verdicts]: crate::guide::verdicts
"
    };
}

/// Makes the list of all pages of the user's guide, and a module for each page, whose documentation
/// is the text of the page.
macro_rules! pages {
    ($count:literal: $($module:ident $topic:literal $about:literal)*) => {
        /// All pages of the user's guide to dnsweep, in the order in which a newcomer would read
        /// them.
        pub const PAGES: [Page; $count] = [$(Page {
            topic: $topic,
            about: $about,
            text: include_str!(concat!($topic, ".md")),
        }),*];

        $(
            #[doc = links!()]
            #[doc = include_str!(concat!($topic, ".md"))]
            pub mod $module {}
        )*
    };
}

pages! { 21:
    evidence "evidence" "which files are read, and which are passed over"
    containers "containers" "logs in archives, disk images and shadow copies"
    verdicts "verdicts" "what can be said of a host without matches"
    report "report" "the summary, its formats, a closer look at a host, risk"
    tables "tables" "the outputs: every table, column by column"
    context "context" "what started the program that asked: processes and ancestors"
    show "show" "one event with all that is known of it, and its record"
    timeline "timeline" "what happened, in order of time: matches, leads, processes"
    queries "queries" "SQL that analysts ask of the tables"
    anomalies "anomalies" "gaps, clock steps, names of machines, copies of an event"
    damage "damage" "how every byte is accounted for, and what each problem means"
    recovery "recovery" "deleted records, and logs inside disk images and memory dumps"
    rules "rules" "detections in Splunk's and Sigma's language: what is understood"
    indicators "indicators" "lists of names and addresses to look for"
    exclusions "exclusions" "a site's own list of what is known and no match"
    leads "leads" "queries in the log of Windows' own DNS client"
    event_xml "event-xml" "events that were rendered as XML"
    provenance "provenance" "hash evidence, verify an output, repeat or resume a sweep"
    scale "scale" "one machine, many machines, several sites; 100 TB worked out"
    exports "exports" "tables and matches for other programs: CSV, ECS, OCSF and more"
    exit_statuses "exit-statuses" "what a script learns from a run"
}
