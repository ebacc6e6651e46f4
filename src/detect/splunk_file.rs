//! A rule file in YAML, as Splunk publishes it. Keys that are not needed here are passed over.

use serde::Deserialize;

use super::detection::{DataSet, Detection, EventSource, Language};
use super::risk::{Finding, IntermediateFindings, Rba, RiskEntity, RiskKeys, Tags};
use super::search::Search;

/// Splunk's file, as far as it is needed.
#[derive(Deserialize)]
pub(super) struct RuleFile {
    name: Option<String>,
    id: String,
    pub(super) search: String,
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
    tests: Option<Vec<Test>>,
}

/// A test that the author runs the rule with.
#[derive(Deserialize)]
struct Test {
    name: Option<String>,
    attack_data: Option<Vec<AttackData>>,
}

/// The data of a test.
#[derive(Deserialize)]
struct AttackData {
    data: String,
    source: Option<String>,
}

impl RuleFile {
    /// The detection that the file and its search, as it was understood, make.
    pub(super) fn into_detection(self, search: Search) -> Detection {
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
        Detection {
            language: Language::Splunk,
            source: EventSource::Sysmon,
            // A rule without a name is called by its id.
            name: self.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| self.id.clone()),
            id: self.id,
            version: self.version,
            date: self.date.or(self.modification_date).or(self.creation_date),
            author: self.author,
            status: self.status,
            detection_type: self.detection_type,
            description: self.description,
            mitre_attack_id: self.mitre_attack_id.unwrap_or(techniques),
            analytic_story: self.analytic_story.unwrap_or(stories),
            risk_score: risk.score,
            risk_message_template: risk.message,
            risk_objects: risk.risk_objects,
            threat_objects: risk.threat_objects,
            notes: search.notes.clone(),
            search,
            tests: self.tests.into_iter().flatten().flat_map(Test::data_sets).collect(),
        }
    }
}

impl Test {
    fn data_sets(self) -> impl Iterator<Item = DataSet> {
        let name = self.name.unwrap_or_default();
        self.attack_data.into_iter().flatten().map(move |data| DataSet {
            test: name.clone(),
            data: data.data.trim().to_owned(),
            source: data.source.unwrap_or_default(),
        })
    }
}
