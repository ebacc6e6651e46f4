//! The YAML file of a rule, in the form in which Splunk publishes rules. Keys that dnsweep does not
//! need are ignored.

use serde::Deserialize;

use crate::detect::detection::{DataSet, Detection, EventSource, Language};
use crate::detect::risk::{Finding, IntermediateFindings, Rba, RiskEntity, RiskKeys, Tags};
use crate::detect::rule_id;
use crate::detect::splunk::search::Search;
use crate::detect::yaml::keys::KnownKeys;
use crate::detect::yaml::{Node, YamlProblem};

/// The keys of a Splunk rule file that dnsweep reads, with their values.
#[derive(Deserialize)]
pub(in crate::detect) struct RuleFile {
    name: Option<String>,
    id: String,
    pub(in crate::detect) search: String,
    version: Option<String>,
    date: Option<String>,
    creation_date: Option<String>,
    modification_date: Option<String>,
    author: Option<String>,
    status: Option<String>,
    #[serde(rename = "type")]
    detection_type: Option<String>,
    description: Option<String>,
    mitre_attack_id: Option<Vec<String>>,
    analytic_story: Option<Vec<String>>,
    tags: Option<Tags>,
    rba: Option<Rba>,
    finding: Option<Finding>,
    intermediate_findings: Option<IntermediateFindings>,
    threat_objects: Option<Vec<RiskEntity>>,
    tests: Option<Vec<RuleTest>>,
}

/// An entry of the key `tests` of a Splunk rule file: a test that the rule's author runs on
/// recorded events.
#[derive(Deserialize)]
struct RuleTest {
    name: Option<String>,
    attack_data: Option<Vec<AttackData>>,
}

/// An entry of the key `attack_data` of a test in a Splunk rule file: a data set of recorded
/// events, by the URL of its file.
#[derive(Deserialize)]
struct AttackData {
    data: String,
    source: Option<String>,
}

/// The keys that dnsweep knows at the top level of a Splunk rule file. An unknown key that is
/// similar to a key in `read` is probably misspelt.
const KEYS: KnownKeys = KnownKeys {
    read: &[
        "name",
        "id",
        SEARCH,
        "version",
        "date",
        "creation_date",
        "modification_date",
        "author",
        "status",
        "type",
        "description",
        "mitre_attack_id",
        "analytic_story",
        "tags",
        "rba",
        "finding",
        "intermediate_findings",
        "threat_objects",
        "tests",
    ],
    others: &["asset_type", "category", "data_source", "known_false_positives", "references"],
    required: &["id", SEARCH],
};
/// The name of the key of a Splunk rule file that contains the rule's search.
const SEARCH: &str = "search";
/// The keys that dnsweep knows in an entry of a Splunk rule file for a risk object or a threat
/// object (a machine, a user or an indicator of an attack). An unknown key that is similar to a key
/// in `read` is probably misspelt.
const ENTITY_KEYS: KnownKeys =
    KnownKeys { read: &["field", "type", "score", "message"], others: &[], required: &["field"] };
/// The keys that dnsweep knows in the mapping `tags` of a Splunk rule file. An unknown key that is
/// similar to a key in `read` is probably misspelt.
const TAGS_KEYS: KnownKeys = KnownKeys {
    read: &[
        "confidence",
        "impact",
        "message",
        "mitre_attack_id",
        "analytic_story",
        "observable",
        "risk_score",
    ],
    others: &["risk_severity"],
    required: &[],
};
/// The keys that dnsweep knows in those mappings of a Splunk rule file that describe an alert of
/// the rule: its message, its risk score, and the machines, users and indicators that it is about.
/// The first element of each entry is the path of keys that leads to the mapping. An unknown key
/// that is similar to a key in `read` is probably misspelt.
const INNER_KEYS: &[(&[&str], KnownKeys)] = &[
    (&["tags"], TAGS_KEYS),
    (
        &["tags", "observable"],
        KnownKeys { read: &["name", "type", "role"], others: &[], required: &["name"] },
    ),
    (&["rba"], KnownKeys::optional(&["message", "risk_objects", "threat_objects"])),
    (&["rba", "risk_objects"], ENTITY_KEYS),
    (&["rba", "threat_objects"], ENTITY_KEYS),
    (&["finding"], KnownKeys::optional(&["title", "entity"])),
    (&["finding", "entity"], ENTITY_KEYS),
    (&["intermediate_findings"], KnownKeys::optional(&["entities"])),
    (&["intermediate_findings", "entities"], ENTITY_KEYS),
    (&["threat_objects"], ENTITY_KEYS),
];

/// Checks the keys of a Splunk rule file, and returns a note for each key that is probably
/// misspelt. If a key that a rule must have is misspelt, this is an error.
pub(in crate::detect) fn check_keys(document: &Node) -> Result<Vec<String>, YamlProblem> {
    let mut notes = Vec::new();
    KEYS.check(document, "", &mut notes)?;
    for (path, keys) in INNER_KEYS {
        let node = path.iter().try_fold(document, |node, key| node.get(key));
        if let Some(node) = node {
            keys.check(node, &format!(" of '{}'", path.join(".")), &mut notes)?;
        }
    }
    Ok(notes)
}

/// Returns true if a YAML document is probably a Splunk rule whose key `search` is misspelt: it has
/// the keys `id` and `name`, and a key that is nearly `search`.
pub(in crate::detect) fn has_misspelt_search(document: &Node) -> bool {
    let has = |key: &str| document.get(key).is_some();
    has("id") && has("name") && KEYS.misspelt(document).any(|slip| slip.meant == SEARCH)
}

impl RuleFile {
    /// Returns the rule file with its id normalized (without blanks and braces around it); `None`
    /// if the id is empty.
    pub(in crate::detect) fn with_id(self) -> Option<Self> {
        let id = rule_id::stated_id(&self.id)?;
        Some(RuleFile { id, ..self })
    }

    /// Converts the Splunk rule file, with its parsed search, to a [`Detection`]. Its
    /// `false_positives` and `references`, which only people read, are empty; the caller must fill
    /// them in. `notes` are the notes for the user about the keys of the file.
    pub(in crate::detect) fn into_detection(self, search: Search, mut notes: Vec<String>) -> Detection {
        let mut tags = self.tags.unwrap_or_default();
        let techniques = tags.mitre_attack_id.take().unwrap_or_default();
        let stories = tags.analytic_story.take().unwrap_or_default();
        let risk = RiskKeys {
            tags,
            rba: self.rba.unwrap_or_default(),
            finding: self.finding.unwrap_or_default(),
            intermediate_findings: self.intermediate_findings.unwrap_or_default(),
            threat_objects: self.threat_objects.unwrap_or_default(),
        }
        .into_risk();
        notes.extend(risk.notes);
        notes.extend(search.notes.iter().cloned());
        Detection {
            indicators: None,
            language: Language::Splunk,
            source: EventSource::Sysmon,
            // The id replaces a missing name.
            name: self.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| self.id.clone()),
            id: self.id,
            version: self.version,
            date: self.date.or(self.modification_date).or(self.creation_date),
            author: self.author,
            status: self.status,
            detection_type: self.detection_type,
            description: self.description,
            false_positives: Vec::new(),
            references: Vec::new(),
            mitre_attack_id: self.mitre_attack_id.unwrap_or(techniques),
            analytic_story: self.analytic_story.unwrap_or(stories),
            risk_score: risk.score,
            risk_message_template: risk.message,
            risk_objects: risk.risk_objects,
            threat_objects: risk.threat_objects,
            notes,
            search,
            tests: self.tests.into_iter().flatten().flat_map(RuleTest::data_sets).collect(),
        }
    }
}

impl RuleTest {
    /// Returns the data sets (files of recorded events) of a Splunk rule's test, each with the name
    /// of the test.
    fn data_sets(self) -> impl Iterator<Item = DataSet> {
        let name = self.name.unwrap_or_default();
        self.attack_data.into_iter().flatten().map(move |data| DataSet {
            test: name.clone(),
            data: data.data.trim().to_owned(),
            source: data.source.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::detection::Detection;
    use crate::detect::sigma::placeholder::Placeholders;

    fn read(more: &str) -> Result<Detection, String> {
        let text = format!("name: Test\nid: t\n{more}");
        Detection::from_yaml(&text, "t.yml", &Placeholders::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn misspelt_keys_of_a_risk_are_noted() {
        for (more, place, name, meant) in [
            (
                "findings: {title: x, entity: {field: dvc, score: 5}}",
                "line 4, column 1",
                "'findings'",
                "finding",
            ),
            ("findings:\n- title: x", "line 4, column 1", "'findings'", "finding"),
            (
                "intermediate_finding: {entities: []}",
                "line 4, column 1",
                "'intermediate_finding'",
                "intermediate_findings",
            ),
            (
                "finding: {titel: x, entity: {field: dvc}}",
                "line 4, column 11",
                "'titel' of 'finding'",
                "title",
            ),
            (
                "finding: {title: x, entiy: {field: dvc}}",
                "line 4, column 21",
                "'entiy' of 'finding'",
                "entity",
            ),
            (
                "finding: {title: x, entities: [{field: dvc}]}",
                "line 4, column 21",
                "'entities' of 'finding'",
                "entity",
            ),
            (
                "finding: {entity: {field: dvc, scoer: 5}}",
                "line 4, column 32",
                "'scoer' of 'finding.entity'",
                "score",
            ),
            (
                "intermediate_findings:\n  entity: []",
                "line 5, column 3",
                "'entity' of 'intermediate_findings'",
                "entities",
            ),
            ("rba: {mesage: x}", "line 4, column 7", "'mesage' of 'rba'", "message"),
            ("rba: {risk_object: []}", "line 4, column 7", "'risk_object' of 'rba'", "risk_objects"),
            ("tags: {confidance: 5, impact: 5}", "line 4, column 8", "'confidance' of 'tags'", "confidence"),
            ("threat_object: []", "line 4, column 1", "'threat_object'", "threat_objects"),
        ] {
            let notes = read(&format!("search: EventCode=22\n{more}")).unwrap().notes;
            let expected =
                format!("{place}: the key {name} is not known and is passed over; did you mean '{meant}'?");
            assert_eq!(notes, [expected], "{more}");
        }
    }

    #[test]
    fn unneeded_keys_are_not_reported_as_misspelt() {
        for more in [
            "how_to_implement: x\nknown_false_positives: x\nreferences: []\ndata_source: []\ndrilldown_searches: []",
            "asset_type: x\nsecurity_domain: x\ncategory: x\nproduct: []\nmacros: []\nlookups: []\nrisk: 1",
            "tags: {asset_type: x, cve: [], product: [], required_fields: [], risk_severity: low, group: x}",
            "finding: {title: x, entity: {field: dvc}, titel: y}",
        ] {
            let notes = read(&format!("search: EventCode=22\n{more}")).unwrap().notes;
            assert_eq!(notes, [""; 0], "{more}");
        }
    }

    #[test]
    fn a_misspelt_required_key_is_the_reason_for_the_refusal() {
        for (more, expected) in [
            ("serach: EventCode=22", "t.yml: line 3, column 1: expected the key 'search', found 'serach'"),
            ("Search: EventCode=22", "t.yml: line 3, column 1: expected the key 'search', found 'Search'"),
            (
                "seach: EventCode=22\nrba: {message: x}",
                "t.yml: line 3, column 1: expected the key 'search', found 'seach'",
            ),
            (
                "search: EventCode=22\nfinding: {entity: {feild: dvc}}",
                "t.yml: line 4, column 20: expected the key 'field' of 'finding.entity', found 'feild'",
            ),
        ] {
            assert_eq!(read(more).unwrap_err(), expected, "{more}");
        }
        let error =
            Detection::from_yaml("name: a\nidd: b\nsearch: EventCode=22", "t.yml", &Placeholders::default());
        assert_eq!(
            error.unwrap_err().to_string(),
            "t.yml: line 2, column 1: expected the key 'id', found 'idd'"
        );
        // A document that only resembles a rule is another file.
        for other in ["name: a\nid: b\nsource: x", "name: a\nserach: x", "definition: serach=1"] {
            let error = Detection::from_yaml(other, "t.yml", &Placeholders::default()).unwrap_err();
            assert!(error.is_no_rule(), "{error}");
        }
    }
}
