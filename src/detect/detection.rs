//! Detections: rules in Splunk's language or in Sigma, and lists of indicators, in one form for
//! all. `rule_file` makes them from rule files.

use crate::detect::bounds;
use crate::detect::indicator::IndicatorCounts;
use crate::detect::lead::LeadCondition;
use crate::detect::risk::{RiskObject, ThreatObject};
use crate::detect::risk_message::RiskMessage;
use crate::detect::sigma::placeholder::Placeholders;
use crate::detect::splunk::search::Search;
use crate::detect::splunk::search_error::{SearchError, SearchReason};
use crate::event::Event;

/// The file name of the built-in detection's rule. The built-in detection is used if the user names
/// no rule.
const SEED_NAME: &str = "suspicious_process_dns_query_known_abuse_web_services.yml";
/// The YAML text of the rule file of the built-in detection.
const SEED: &str = include_str!("suspicious_process_dns_query_known_abuse_web_services.yml");

/// A rule or a list of indicators (names and addresses): the events that it describes, what a match
/// means, and who wrote it. Where a field is about a rule, a list counts as a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The language in which the rule is written: Splunk's or Sigma. A list of indicators has a
    /// value of its own.
    pub language: Language,
    /// The kind of events that the rule describes: DNS queries that Sysmon logged, or that Windows'
    /// own DNS client logged.
    pub source: EventSource,
    /// The rule's identifier, usually a UUID. Tables and exclusions name the rule by it.
    pub id: String,
    /// The rule's name (in a Sigma rule, its title).
    pub name: String,
    /// The rule's version, as text; `None` if the rule states none.
    pub version: Option<String>,
    /// The date of the rule's version, as written in the rule; `None` if the rule states none.
    pub date: Option<String>,
    /// The rule's author, as written in the rule; `None` if the rule states none.
    pub author: Option<String>,
    /// The rule's status, such as `production` or `experimental`; `None` if the rule states none.
    pub status: Option<String>,
    /// The rule's type, such as `TTP`, `Anomaly` or `Hunting`; for a Sigma rule, its level. `None`
    /// if the rule states none.
    pub detection_type: Option<String>,
    /// The text in which the rule's author describes what the rule finds; `None` if the rule has
    /// none.
    pub description: Option<String>,
    /// What the rule's author says about matches that are harmless, with one text for each
    /// paragraph or item of a list; empty if the rule says nothing.
    pub false_positives: Vec<String>,
    /// The sources that the rule's author refers to, usually URLs; empty if the rule has none.
    pub references: Vec<String>,
    /// The ids of the MITRE ATT&CK techniques that the rule covers, such as `T1071.004`.
    pub mitre_attack_id: Vec<String>,
    /// The rule's analytic stories, which is Splunk's word for groups of rules about one threat.
    pub analytic_story: Vec<String>,
    /// The risk score of a match of this rule, from 0 to 100; `None` if the rule states none.
    pub risk_score: Option<u32>,
    /// The rule's message about a match, in which `$field$` stands for the event's value of the
    /// field; `None` if the rule has no message. [`Detection::risk_message`] fills in the values.
    pub risk_message_template: Option<String>,
    /// The event fields whose values are at risk when an event matches, such as a user or a
    /// computer.
    pub risk_objects: Vec<RiskObject>,
    /// The event fields whose values are the threat when an event matches, such as a process.
    pub threat_objects: Vec<ThreatObject>,
    /// The rule's compiled search: the condition that matching events meet and, if the search has
    /// Splunk's command `stats`, the table in which that command summarises them.
    pub search: Search,
    /// The data sets with which the rule's author tests the rule. Each contains at least one match.
    pub tests: Vec<DataSet>,
    /// Notes for the user about how the rule was understood, such as that a key of its file is
    /// ignored.
    pub notes: Vec<String>,
    /// How many entries of each kind the list has, for a detection that is a list of indicators
    /// (names and addresses); `None` for a rule.
    pub indicators: Option<IndicatorCounts>,
}

/// A language in which rules are written: Splunk's or Sigma. A list of indicators counts as a
/// language of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Splunk's rule format: a YAML file with a search in SPL, Splunk's search language.
    Splunk,
    /// Sigma, a rule format in YAML that is independent of any product.
    Sigma,
    /// A list of indicators: names and addresses, without a condition on anything else.
    Indicators,
}

impl Language {
    /// Returns the name of the rule language in tables and messages: `splunk`, `sigma` or
    /// `indicators`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Language::Splunk => "splunk",
            Language::Sigma => "sigma",
            Language::Indicators => "indicators",
        }
    }
}

/// The kind of events that a detection is about: DNS queries that Sysmon logged, or that Windows'
/// own DNS client logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EventSource {
    /// DNS queries that Sysmon logged (event 22). Events that the detection describes are matches.
    #[default]
    Sysmon,
    /// DNS queries that Windows' own DNS client logged. Events that the detection describes are not
    /// matches but leads (possible matches), which a sweep writes to a table of their own.
    DnsClient,
}

/// A file of recorded events with which a rule's author tests the rule. The rule must find at least
/// one event in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// The name of the rule's test that uses the data set.
    pub test: String,
    /// The URL from which the data set's file can be downloaded.
    pub data: String,
    /// The value of Splunk's field `source` for the recorded events, which says where they were
    /// collected and implies the format of the file; empty if the rule states none.
    pub source: String,
}

/// The reason why a rule, or a rule file, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DetectionError {
    /// The rule's regular expressions take more memory than rules may use, or cannot be compiled.
    #[error("{source_name}: {problem}")]
    TooMuch {
        /// The name of the rule file, for the error message.
        source_name: String,
        /// The error message: what was expected of the regular expressions, such as the maximum
        /// number of bytes that they may take, and what was found.
        problem: String,
    },
    /// The file that was read as a rule file contains no rule. It is empty, or is YAML of another
    /// kind, such as a Splunk macro or analytic story that lies in a folder of rules.
    #[error(
        "{source_name}: expected a rule: a search (Splunk), or a logsource and a detection (Sigma); found none of these"
    )]
    NoRule {
        /// The name of the rule file that contains no rule.
        source_name: String,
    },
    /// The rule file is not valid YAML, or is YAML that does not have the form of a rule.
    #[error("{source_name}: {problem}")]
    Yaml {
        /// The name of the rule file, for the error message.
        source_name: String,
        /// The error message: what was expected in the rule file and what was found, with line and
        /// column.
        problem: String,
    },
    /// The rule file contains a Sigma rule about other events than DNS queries, such as process
    /// creations.
    #[error("{source_name}: {about}")]
    OtherData {
        /// The name of the rule file, for the error message.
        source_name: String,
        /// The error message: line and column in the rule file, and which events other than DNS
        /// queries the Sigma rule is about.
        about: String,
    },
    /// The rule file contains a Sigma rule of which a part was not understood.
    #[error("{source_name}: {problem}")]
    Sigma {
        /// The name of the rule file, for the error message.
        source_name: String,
        /// What was not understood in the Sigma rule, with its place in the file.
        problem: String,
    },
    /// A list of indicators has no entry that can be used, or is not a list.
    #[error("{source_name}: {problem}")]
    Indicators {
        /// The name of the file with the list of indicators, for the error message.
        source_name: String,
        /// What was expected of the list of indicators, and what was found.
        problem: String,
    },
    /// The SPL search of a Splunk rule was not understood.
    #[error("{source_name}: {problem}")]
    Search {
        /// The name of the rule file, for the error message.
        source_name: String,
        /// The error in the SPL search: its place, what was expected and what was found.
        problem: SearchError,
    },
}

impl DetectionError {
    /// Returns true if the rule file was refused because it does not contain a rule.
    #[must_use]
    pub fn is_no_rule(&self) -> bool {
        matches!(self, DetectionError::NoRule { .. })
    }

    /// Returns true if the rule was refused because it is about events other than DNS queries, for
    /// example process creations.
    #[must_use]
    pub fn is_about_other_data(&self) -> bool {
        match self {
            DetectionError::OtherData { .. } => true,
            DetectionError::Search { problem, .. } => problem.reason == SearchReason::OtherData,
            DetectionError::TooMuch { .. }
            | DetectionError::NoRule { .. }
            | DetectionError::Yaml { .. }
            | DetectionError::Indicators { .. }
            | DetectionError::Sigma { .. } => false,
        }
    }
}

impl Detection {
    /// Returns the condition under which an event of Windows' own DNS client is a lead (a possible
    /// match). For a rule about Sysmon's events, it is the part of the rule's condition that the
    /// query name alone decides. For a rule about the log of Windows' own DNS client, and for a
    /// list of indicators, it is the whole condition.
    #[must_use]
    pub fn lead_condition(&self) -> LeadCondition {
        match self.source {
            EventSource::Sysmon if self.indicators.is_some() => {
                LeadCondition::Listed(self.search.predicate.clone())
            }
            EventSource::Sysmon => LeadCondition::requiring_names(&self.search.predicate),
            EventSource::DnsClient => LeadCondition::Whole(self.search.predicate.clone()),
        }
    }

    /// Returns the detection that is built into the program, which is used if the user names no
    /// rule.
    pub fn seed() -> Result<Self, DetectionError> {
        Self::from_yaml(SEED, SEED_NAME, &Placeholders::default())
    }

    /// Returns true if the detection's condition is true for the event. Exclusions, by which a site
    /// removes harmless events from the matches, are not considered.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        self.search.predicate.evaluate(event)
    }

    /// Returns the estimated size of the detection's regular expressions, in bytes. The sum over
    /// all detections of a sweep is limited by `MOST_EXPRESSION_BYTES`.
    #[must_use]
    pub fn expression_bytes(&self) -> usize {
        bounds::expression_bytes(&self.search)
    }

    /// Returns the number of comparisons of a field with a value in the detection's condition. The
    /// sum over all detections of a sweep is limited by `MOST_COMPARISONS`.
    #[must_use]
    pub fn comparisons(&self) -> usize {
        bounds::comparisons(&self.search.predicate)
    }

    /// Returns the YAML text of the built-in detection's rule file.
    #[must_use]
    pub fn seed_text() -> &'static str {
        SEED
    }

    /// Returns the rule's message for a matching event; `None` if the rule has no message. Each
    /// `$field$` in the message is replaced by the event's value of the field. If the event has no
    /// value for it, the text `$field$` stays.
    #[must_use]
    pub fn risk_message(&self, event: &Event) -> Option<String> {
        self.message().map(|message| message.about(event))
    }

    /// Returns the rule's message, ready to be filled in for many events; `None` if the rule has no
    /// message.
    #[must_use]
    pub fn message(&self) -> Option<RiskMessage<'_>> {
        self.risk_message_template.as_deref().map(|template| RiskMessage::new(template, &self.search))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::event;

    /// Returns a detection whose file has the required keys and `more` keys.
    fn detection(more: &str) -> Detection {
        Detection::from_yaml(&file("EventCode=22", more), "test.yml", &Placeholders::default())
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn file(search: &str, more: &str) -> String {
        format!("name: Test\nid: 1\nsearch: '{search}'\nunknown: [1, 2]\n{more}")
    }

    #[test]
    fn the_seed_is_a_detection() {
        let seed = Detection::seed().unwrap();
        assert_eq!(seed.id, "3cf0dc36-484d-11ec-a6bc-acde48001122");
        assert_eq!(seed.name, "Suspicious Process DNS Query Known Abuse Web Services");
        assert_eq!(seed.version.as_deref(), Some("7"));
        assert_eq!(seed.date.as_deref(), Some("2024-11-28"));
        assert_eq!(seed.author.as_deref(), Some("Teoderick Contreras, Splunk"));
        assert_eq!(seed.detection_type.as_deref(), Some("TTP"));
        assert_eq!(seed.status.as_deref(), Some("production"));
        assert_eq!(seed.mitre_attack_id, ["T1059.005", "T1059"]);
        assert_eq!(seed.risk_score, Some(64));
        assert_eq!(seed.references.len(), 2);
        assert!(seed.references[0].starts_with("https://"), "{:?}", seed.references);
        assert!(seed.false_positives[0].starts_with("Programs that are installed under a user's AppData"));
        assert_eq!(
            seed.risk_objects,
            [RiskObject { field: "dest".into(), object_type: "system".into(), score: None }]
        );
        assert_eq!(
            seed.threat_objects,
            [ThreatObject { field: "process_name".into(), object_type: "process".into() }]
        );
        let columns: Vec<_> =
            seed.search.stats.as_ref().unwrap().columns().map(|column| column.name().to_owned()).collect();
        assert_eq!(
            columns,
            [
                "Image",
                "QueryName",
                "QueryStatus",
                "process_name",
                "QueryResults",
                "dest",
                "count",
                "firstTime",
                "lastTime"
            ]
        );
        let required = seed.search.predicate.required_texts();
        let sets: Vec<(&str, Vec<&str>)> = required
            .iter()
            .map(|set| {
                (set[0].data_name, set.iter().map(|required| required.text.literal().unwrap()).collect())
            })
            .collect();
        assert_eq!(sets[0], ("QueryName", vec!["pastebin", "discord", "api.telegram", "t.me"]));
        assert_eq!(sets[1].0, "Image");
        assert_eq!(sets[1].1.len(), 11, "five process names and six folders: {:?}", sets[1].1);
        assert_eq!(sets.len(), 2);
    }

    #[test]
    fn what_the_seed_matches() {
        let predicate = Detection::seed().unwrap().search.predicate;
        for (image, query_name, expected) in [
            (r"C:\Windows\System32\cmd.exe", "pastebin.com", true),
            (r"C:\Windows\System32\CMD.EXE", "www.PASTEBIN.com", true),
            (r"C:\Program Files\PowerShell\7\pwsh.exe", "client.medium.com", true),
            (r"C:\Windows\SysWOW64\WindowsPowerShell\v1.0\powershell_ise.exe", "api.telegram.org", true),
            (r"C:\Users\bob\AppData\Local\Discord\app-1\Discord.exe", "gateway.discord.gg", true),
            (r"C:\Windows\Tasks\x.exe", "t.me", true),
            // The image alone is not enough: that would be AND before OR.
            (r"C:\Users\bob\AppData\Local\Temp\x.exe", "example.com", false),
            (r"C:\Windows\System32\cmd.exe", "example.com", false),
            (r"C:\Program Files\Mozilla Firefox\firefox.exe", "pastebin.com", false),
            (r"C:\tools\acmd.exe", "pastebin.com", false),
            (r"C:\Windows\Temporary\x.exe", "pastebin.com", false),
            ("<unknown process>", "pastebin.com", false),
        ] {
            assert_eq!(predicate.evaluate(&event(image, query_name)), expected, "{image} {query_name}");
        }
        let mut other = event(r"C:\Windows\System32\cmd.exe", "pastebin.com");
        other.system.event_id = 3;
        assert!(!predicate.evaluate(&other), "event 3");
        let mut other = event(r"C:\Windows\System32\cmd.exe", "pastebin.com");
        other.system.provider = "Microsoft-Windows-DNS-Client".into();
        other.system.channel = "Microsoft-Windows-DNS-Client/Operational".into();
        assert!(!predicate.evaluate(&other), "another provider's event 22");
    }

    #[test]
    fn messages() {
        let event = event(r"C:\$QueryName$\cmd.exe", "pastebin.com");
        let seed = Detection::seed().unwrap();
        assert_eq!(
            seed.risk_message(&event).as_deref(),
            Some("suspicious process cmd.exe has a dns query in pastebin.com on PC1.corp.example")
        );
        for (template, message) in [
            ("no fields", "no fields"),
            ("$query$ $answer$", "pastebin.com 192.0.2.1"),
            ("$nothing$ $query$", "$nothing$ pastebin.com"),
            ("100 $ for $query$", "100 $ for pastebin.com"),
            ("$query", "$query"),
            ("$$", "$$"),
            // A value is not searched for placeholders.
            ("$Image$", r"C:\$QueryName$\cmd.exe"),
        ] {
            let detection = Detection { risk_message_template: Some(template.to_owned()), ..seed.clone() };
            assert_eq!(detection.risk_message(&event).as_deref(), Some(message));
        }
        let silent = detection("");
        assert_eq!(silent.risk_message(&event), None);
    }

    #[test]
    fn risk_of_the_first_two_layouts() {
        let tags = detection(
            "tags: {confidence: 50, impact: 75, risk_score: 9, message: m,
             observable: [{name: user, type: User, role: [Victim]}]}",
        );
        assert_eq!((tags.risk_score, tags.risk_message_template.as_deref()), (Some(38), Some("m")));
        assert_eq!(
            tags.risk_objects,
            [RiskObject { field: "user".into(), object_type: "user".into(), score: None }]
        );
        assert_eq!(detection("tags: {risk_score: 9}").risk_score, Some(9));
        assert_eq!(detection("tags:").risk_score, None);
        let rba = detection(
            "rba:\n  message: on $dest$\n  risk_objects:\n  - {field: dest, type: system, score: 49}\n  \
             - {field: user, type: user, score: 56}\n  threat_objects:\n  - {field: query, type: domain}\n",
        );
        assert_eq!((rba.risk_score, rba.risk_message_template.as_deref()), (Some(56), Some("on $dest$")));
        assert_eq!(rba.risk_objects.len(), 2);
        assert_eq!(
            rba.threat_objects,
            [ThreatObject { field: "query".into(), object_type: "domain".into() }]
        );
        assert_eq!(detection("rba: {message: m, risk_objects: [], threat_objects: []}").risk_score, None);
    }

    #[test]
    fn what_only_people_read_never_refuses_a_rule() {
        for (more, expected) in [
            ("references: [a, {b: c}, ~, 5]", &["a", "5"][..]),
            ("references: a", &["a"]),
            ("references: {a: b}", &[]),
            ("references:", &[]),
        ] {
            assert_eq!(detection(more).references, expected, "{more}");
        }
        assert_eq!(detection("known_false_positives: ' x '").false_positives, ["x"]);
    }

    #[test]
    fn versions_are_text() {
        for (yaml, version) in [("version: 7", "7"), ("version: '7'", "7"), ("version: 1.10", "1.10")] {
            assert_eq!(detection(yaml).version.as_deref(), Some(version));
        }
        assert_eq!(detection("date: 2024-11-28").date.as_deref(), Some("2024-11-28"));
    }

    #[test]
    fn rules_about_other_data_differ_from_rules_that_are_not_understood() {
        for (search, expected) in [
            ("EventCode=4688", true),
            ("EventCode IN (1, 22) Imag=x", false),
            ("EventCode IN (1, 3)", true),
            ("EventCode=22 Image", false),
        ] {
            let error = Detection::from_yaml(&file(search, ""), "other.yml", &Placeholders::default())
                .expect_err(search);
            assert_eq!(error.is_about_other_data(), expected, "{search}: {error}");
        }
    }

    #[test]
    fn errors_name_the_file_and_the_problem() {
        let error = |text: &str| {
            Detection::from_yaml(text, "bad.yml", &Placeholders::default()).expect_err(text).to_string()
        };
        for (text, parts) in [
            ("name: x\nid: 1\n", &["bad.yml", "search"][..]),
            ("name: x\nsearch: EventCode=22\n", &["bad.yml", "id"]),
            ("name: [", &["bad.yml", "line"]),
            (
                &file("EventCode=22 | eventstats count", ""),
                &["bad.yml: line 3, column 25: expected", "eventstats"],
            ),
        ] {
            let error = error(text);
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }
}
