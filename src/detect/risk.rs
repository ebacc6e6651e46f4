//! The risk that a Splunk rule states: its score, its message, and the fields that name who is at
//! risk. Splunk's rule files have had three layouts:
//!
//! - the key `tags` with `confidence`, `impact`, `message` and `observable`, until 2024
//! - the key `rba` with a message, `risk_objects` and `threat_objects`, until May 2026
//! - the keys `finding` and `intermediate_findings`, each entity with its score, and
//!   `threat_objects` at the top level of the file, since then

use serde::Deserialize;

/// A field whose value is at risk when an event matches the rule, such as a user or a computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskObject {
    /// The name of the field that contains the risk object (the host or user at risk), in the
    /// result of the rule's search.
    pub field: String,
    /// The type of the value at risk, as Splunk's risk index names it: `system`, `user` or `other`.
    pub object_type: String,
    /// The risk score that a match adds for the value at risk; `None` if the rule states none.
    pub score: Option<u32>,
}

/// A field whose value is the threat when an event matches the rule, such as a process or a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreatObject {
    /// The name of the field whose value is the threat, in the result of the rule's search.
    pub field: String,
    /// The type of the value that is the threat, such as `process` or `domain`.
    pub object_type: String,
}

/// The risk that a Splunk rule states, in one form for the three layouts that Splunk's rule files
/// have had: with the key `tags`, with `rba`, or with `finding` and `intermediate_findings`.
#[derive(Debug, Default)]
pub(super) struct StatedRisk {
    /// The risk score of a match, from 0 to 100; `None` if the rule states none.
    pub score: Option<u32>,
    /// The rule's message about a match, in which `$field$` stands for the event's value; `None` if
    /// the rule has no message.
    pub message: Option<String>,
    /// The event fields whose values are at risk when an event matches, such as a user.
    pub risk_objects: Vec<RiskObject>,
    /// The event fields whose values are the threat when an event matches, such as a process.
    pub threat_objects: Vec<ThreatObject>,
    /// Notes for the user about how the stated risk was understood, such as a score above 100.
    pub notes: Vec<String>,
}

/// The highest risk score that a rule of Splunk can state. A score above it is lowered to it.
const HIGHEST_SCORE: u32 = 100;

/// The values of the keys of a Splunk rule file in which a risk can be stated. An absent key has an
/// empty value.
pub(super) struct RiskKeys {
    /// The value of the key `tags`, in which Splunk's rule files stated the risk until 2024.
    pub tags: Tags,
    /// The value of the key `rba` (risk-based alerting), in which Splunk's rule files stated the
    /// risk until May 2026.
    pub rba: Rba,
    /// The value of the key `finding` of present Splunk rule files, for a rule whose single match
    /// is already a finding, which is an alert in Splunk.
    pub finding: Finding,
    /// The value of the key `intermediate_findings` of present Splunk rule files, for a rule of
    /// which several matches add up to a finding, which is an alert in Splunk.
    pub intermediate_findings: IntermediateFindings,
    /// The value of the key `threat_objects` at the top level of present Splunk rule files: the
    /// fields whose values are the threat.
    pub threat_objects: Vec<RiskEntity>,
}

/// The value of the key `tags` of a Splunk rule file. Until 2024 it stated the risk; in later
/// files, it still contains the MITRE ATT&CK techniques and the analytic stories.
#[derive(Default, Deserialize)]
pub(super) struct Tags {
    confidence: Option<u32>,
    impact: Option<u32>,
    message: Option<String>,
    pub mitre_attack_id: Option<Vec<String>>,
    pub analytic_story: Option<Vec<String>>,
    observable: Option<Vec<Observable>>,
    risk_score: Option<u32>,
}

/// An entry of the list `observable` of a Splunk rule file: a field that an alert names, with its
/// roles, such as `Victim` or `Attacker`.
#[derive(Deserialize)]
struct Observable {
    name: String,
    #[serde(rename = "type")]
    object_type: String,
    role: Option<Vec<String>>,
}

/// The value of the key `rba` (risk-based alerting), in which Splunk's rule files stated the risk
/// until May 2026.
#[derive(Default, Deserialize)]
pub(super) struct Rba {
    message: Option<String>,
    risk_objects: Option<Vec<RiskEntity>>,
    threat_objects: Option<Vec<RiskEntity>>,
}

/// The value of the key `finding` of present Splunk rule files, for a rule whose single match is
/// already a finding, which is an alert in Splunk.
#[derive(Default, Deserialize)]
pub(super) struct Finding {
    title: Option<String>,
    entity: Option<RiskEntity>,
}

/// The value of the key `intermediate_findings` of present Splunk rule files, for a rule of which
/// several matches add up to a finding, which is an alert in Splunk.
#[derive(Default, Deserialize)]
pub(super) struct IntermediateFindings {
    entities: Option<Vec<RiskEntity>>,
}

/// A field whose value is at risk or is the threat when an event matches, as written in a rule
/// file.
#[derive(Deserialize)]
pub(super) struct RiskEntity {
    field: String,
    #[serde(rename = "type")]
    object_type: Option<String>,
    score: Option<u32>,
    /// The message that the rule has for this field alone; `None` if it has none.
    message: Option<String>,
}

impl RiskKeys {
    /// Returns the risk that a rule states, merged from the keys `tags`, `rba`, `finding` and
    /// `intermediate_findings`.
    ///
    /// The score is the highest of `finding` and `intermediate_findings`; if they state none, the
    /// score of `tags`; if `tags` states none, the highest of `rba`. The message comes from the
    /// first key that has one: `finding`, `intermediate_findings`, `tags`, `rba`.
    pub(super) fn into_risk(self) -> StatedRisk {
        let Tags { confidence, impact, message, observable, risk_score, .. } = self.tags;
        let observables = observable.unwrap_or_default();
        let mut notes = Vec::new();
        let mut within = |score: u32| within_bounds(score, &mut notes);
        let mut of_rba: Vec<RiskEntity> = self.rba.risk_objects.unwrap_or_default();
        let intermediate = self.intermediate_findings.entities.into_iter().flatten();
        let mut present: Vec<RiskEntity> = self.finding.entity.into_iter().chain(intermediate).collect();
        for entity in of_rba.iter_mut().chain(&mut present) {
            entity.score = entity.score.map(&mut within);
        }
        let product = confidence.zip(impact).map(|(confidence, impact)| product_score(confidence, impact));
        let of_tags = product.or(risk_score).map(within);
        let highest = |entities: &[RiskEntity]| entities.iter().filter_map(|entity| entity.score).max();
        let score = highest(&present).or(of_tags).or_else(|| highest(&of_rba));
        let title = self.finding.title.or_else(|| messages(&present));
        let message = title.or(message).or(self.rba.message).or_else(|| messages(&of_rba));
        let entities: Vec<RiskEntity> = of_rba.into_iter().chain(present).collect();
        let victims = observables.iter().filter(|observable| observable.has_role("Victim"));
        let attackers = observables.iter().filter(|observable| observable.has_role("Attacker"));
        let threats = self.rba.threat_objects.into_iter().flatten().chain(self.threat_objects);
        StatedRisk {
            score,
            message,
            risk_objects: victims.map(Observable::risk_object).chain(distinct(entities)).collect(),
            threat_objects: attackers
                .map(Observable::threat_object)
                .chain(threats.map(RiskEntity::threat_object))
                .collect(),
            notes,
        }
    }
}

/// Returns the risk score that a rule states, limited to [`HIGHEST_SCORE`]. If the stated score is
/// higher, adds a note for the user to `notes`.
fn within_bounds(score: u32, notes: &mut Vec<String>) -> u32 {
    if score > HIGHEST_SCORE {
        notes.push(format!(
            "a risk score is 0 to {HIGHEST_SCORE}; the rule states {score}, which is taken as {HIGHEST_SCORE}"
        ));
    }
    score.min(HIGHEST_SCORE)
}

/// Joins the messages that a rule states for single fields to one text, each distinct message once;
/// `None` if no field has a message.
fn messages(entities: &[RiskEntity]) -> Option<String> {
    let mut messages: Vec<&str> = Vec::new();
    for message in entities.iter().filter_map(|entity| entity.message.as_deref()) {
        if !messages.contains(&message) {
            messages.push(message);
        }
    }
    (!messages.is_empty()).then(|| messages.join("; "))
}

/// Converts the fields that a rule file states to be at risk to risk objects. If a field is stated
/// twice with the same type, it becomes one risk object, with the higher score.
fn distinct(entities: Vec<RiskEntity>) -> Vec<RiskObject> {
    let mut objects: Vec<RiskObject> = Vec::new();
    for object in entities.into_iter().map(RiskEntity::risk_object) {
        let known = objects
            .iter_mut()
            .find(|known| known.field == object.field && known.object_type == object.object_type);
        match known {
            Some(known) => known.score = known.score.max(object.score),
            None => objects.push(object),
        }
    }
    objects
}

/// Returns the risk score of a Splunk rule file in the layout until 2024, which states two numbers
/// instead of a score: confidence × impact / 100, rounded to the nearest whole number.
fn product_score(confidence: u32, impact: u32) -> u32 {
    let product = u64::from(confidence) * u64::from(impact);
    u32::try_from((product + 50) / 100).unwrap_or(u32::MAX)
}

impl RiskEntity {
    fn risk_object(self) -> RiskObject {
        let object_type = self.object_type.unwrap_or_else(|| "other".to_owned());
        RiskObject { field: self.field, object_type, score: self.score }
    }

    fn threat_object(self) -> ThreatObject {
        let object_type = self.object_type.unwrap_or_else(|| "other".to_owned());
        ThreatObject { field: self.field, object_type }
    }
}

impl Observable {
    fn has_role(&self, role: &str) -> bool {
        self.role.iter().flatten().any(|own| own.eq_ignore_ascii_case(role))
    }

    fn risk_object(&self) -> RiskObject {
        let object_type = risk_object_type(&self.object_type).to_owned();
        RiskObject { field: self.name.clone(), object_type, score: None }
    }

    fn threat_object(&self) -> ThreatObject {
        ThreatObject { field: self.name.clone(), object_type: self.object_type.to_lowercase() }
    }
}

/// Returns the type of a risk object in Splunk's risk index (`system`, `user` or `other`) for the
/// finer type of an `observable` in a rule file, such as `hostname`.
fn risk_object_type(observable_type: &str) -> &'static str {
    match observable_type.to_lowercase().as_str() {
        "hostname" | "endpoint" | "device" | "ip address" => "system",
        "user" | "user name" | "username" | "email address" => "user",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::detection::Detection;
    use crate::detect::sigma::placeholder::Placeholders;

    fn detection(more: &str) -> Detection {
        let text = format!("name: Test\nid: t\nsearch: EventCode=22\n{more}");
        Detection::from_yaml(&text, "test.yml", &Placeholders::default())
            .unwrap_or_else(|error| panic!("{error}"))
    }

    const FINDING: &str = "
finding:
  title: $process_name$ asked for $QueryName$
  entity: {field: dvc, type: system, score: 50}
threat_objects:
- {field: process_name, type: process_name}
mitre_attack_id: [T1059.005]
analytic_story: [A Story]
creation_date: '2021-11-18'
modification_date: '2026-05-13'
";

    const INTERMEDIATE: &str = "
intermediate_findings:
  entities:
  - {field: dvc, type: system, score: 20, message: on $dvc$}
  - {field: user, type: user, score: 35, message: by $user$}
  - {field: src, type: system, message: on $dvc$}
creation_date: '2021-11-18'
";

    fn object(field: &str, object_type: &str, score: Option<u32>) -> RiskObject {
        RiskObject { field: field.to_owned(), object_type: object_type.to_owned(), score }
    }

    #[test]
    fn a_finding_states_risk_message_techniques_and_story() {
        let rule = detection(FINDING);
        assert_eq!(rule.risk_score, Some(50));
        assert_eq!(rule.risk_message_template.as_deref(), Some("$process_name$ asked for $QueryName$"));
        assert_eq!(rule.risk_objects, [object("dvc", "system", Some(50))]);
        assert_eq!(rule.threat_objects[0].field, "process_name");
        assert_eq!(
            (&rule.mitre_attack_id[..], &rule.analytic_story[..]),
            (&["T1059.005".to_owned()][..], &["A Story".to_owned()][..])
        );
        assert_eq!(rule.date.as_deref(), Some("2026-05-13"), "the version's, not the rule's first");
    }

    #[test]
    fn intermediate_findings_state_the_highest_score_and_each_message_once() {
        let rule = detection(INTERMEDIATE);
        assert_eq!(rule.risk_score, Some(35));
        assert_eq!(rule.risk_message_template.as_deref(), Some("on $dvc$; by $user$"));
        assert_eq!(
            rule.risk_objects,
            [
                object("dvc", "system", Some(20)),
                object("user", "user", Some(35)),
                object("src", "system", None)
            ]
        );
        assert_eq!(rule.date.as_deref(), Some("2021-11-18"));
        // If there is a finding, its title is the message; a field that both name is one object.
        let both =
            detection(&format!("{FINDING}{}", INTERMEDIATE.replace("creation_date: '2021-11-18'", "")));
        assert_eq!(both.risk_message_template.as_deref(), Some("$process_name$ asked for $QueryName$"));
        assert_eq!((both.risk_score, both.risk_objects.len()), (Some(50), 3));
        assert_eq!(both.risk_objects[0], object("dvc", "system", Some(50)));
    }

    #[test]
    fn a_rule_that_states_no_risk_has_none() {
        for nothing in
            ["", "finding:", "intermediate_findings: {entities: []}", "rba: {risk_objects: []}", "tags:"]
        {
            let rule = detection(nothing);
            assert_eq!((rule.risk_score, &rule.risk_message_template), (None, &None), "{nothing}");
        }
        assert_eq!(detection("finding: {entity: {field: dvc, score: 0}}").risk_score, Some(0), "0 is stated");
    }

    #[test]
    fn a_score_above_100_is_100_with_a_note() {
        for (layout, stated) in [
            ("finding: {title: x, entity: {field: dvc, type: system, score: 500}}", "500"),
            ("intermediate_findings: {entities: [{field: dvc, score: 101}, {field: user, score: 7}]}", "101"),
            ("rba: {risk_objects: [{field: dvc, type: system, score: 300}]}", "300"),
            ("tags: {confidence: 200, impact: 100}", "200"),
            ("tags: {risk_score: 1000}", "1000"),
        ] {
            let rule = detection(layout);
            assert_eq!(rule.risk_score, Some(100), "{layout}");
            assert!(rule.risk_objects.iter().all(|object| object.score.is_none_or(|score| score <= 100)));
            let [note] = &rule.notes[..] else { panic!("{layout}: {:?}", rule.notes) };
            assert!(note.contains(&format!("states {stated}, which is taken as 100")), "{note}");
        }
        let rule = detection("tags: {confidence: 100, impact: 100}");
        assert_eq!((rule.risk_score, rule.notes), (Some(100), Vec::new()));
    }

    #[test]
    fn the_present_layout_takes_precedence_over_the_first() {
        let old = "tags: {confidence: 50, impact: 50, message: old}";
        let rule = detection(&format!("{old}\n{FINDING}"));
        assert_eq!(rule.risk_score, Some(50), "not 25");
        let rule = detection(&format!("{old}\nfinding: {{title: new, entity: {{field: dvc, score: 90}}}}"));
        assert_eq!((rule.risk_score, rule.risk_message_template.as_deref()), (Some(90), Some("new")));
        // If the present layout states no score, the score of the first layout is used.
        let rule = detection(&format!("{old}\nfinding: {{title: new}}"));
        assert_eq!((rule.risk_score, rule.risk_message_template.as_deref()), (Some(25), Some("new")));
        let rule =
            detection("tags: {confidence: 50, impact: 50}\nrba: {risk_objects: [{field: dvc, score: 9}]}");
        assert_eq!(rule.risk_score, Some(25));
    }

    #[test]
    fn a_rule_without_a_name_is_called_by_its_id() {
        let text = "id: only-id\nsearch: EventCode=22\n";
        let rule = Detection::from_yaml(text, "a.yml", &Placeholders::default()).unwrap();
        assert_eq!((rule.name.as_str(), rule.version), ("only-id", None));
    }
}
