//! Who is at risk and what threatens, in the two forms that Splunk's files have had: observables with roles among the `tags`, and
//! `rba`.

use serde::Deserialize;

/// A field that names who is at risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskObject {
    /// The field's name in the search's result.
    pub field: String,
    /// `system`, `user` or `other`.
    pub object_type: String,
    /// The risk score, where the rule gives one for this object.
    pub score: Option<u32>,
}

/// A field that names what threatens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreatObject {
    /// The field's name in the search's result.
    pub field: String,
    /// `process`, `domain`, …
    pub object_type: String,
}

/// Someone or something that an alert names, with roles.
#[derive(Deserialize)]
pub(super) struct Observable {
    name: String,
    #[serde(rename = "type")]
    object_type: String,
    role: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
pub(super) struct Rba {
    pub message: Option<String>,
    pub risk_objects: Option<Vec<RbaObject>>,
    pub threat_objects: Option<Vec<RbaObject>>,
}

#[derive(Deserialize)]
pub(super) struct RbaObject {
    field: String,
    #[serde(rename = "type")]
    object_type: String,
    pub score: Option<u32>,
}

/// confidence × impact / 100, rounded to the nearest whole number.
pub(super) fn product_score(confidence: u32, impact: u32) -> u32 {
    let product = u64::from(confidence) * u64::from(impact);
    u32::try_from((product + 50) / 100).unwrap_or(u32::MAX)
}

pub(super) fn risk_objects(observables: &[Observable], rba: Vec<RbaObject>) -> Vec<RiskObject> {
    let victims =
        observables.iter().filter(|observable| observable.has_role("Victim")).map(|victim| RiskObject {
            field: victim.name.clone(),
            object_type: risk_object_type(&victim.object_type).to_owned(),
            score: None,
        });
    let listed = rba.into_iter().map(|object| RiskObject {
        field: object.field,
        object_type: object.object_type,
        score: object.score,
    });
    victims.chain(listed).collect()
}

pub(super) fn threat_objects(observables: &[Observable], rba: Vec<RbaObject>) -> Vec<ThreatObject> {
    let attackers = observables.iter().filter(|observable| observable.has_role("Attacker")).map(|attacker| {
        ThreatObject { field: attacker.name.clone(), object_type: attacker.object_type.to_lowercase() }
    });
    let listed =
        rba.into_iter().map(|object| ThreatObject { field: object.field, object_type: object.object_type });
    attackers.chain(listed).collect()
}

impl Observable {
    fn has_role(&self, role: &str) -> bool {
        self.role.iter().flatten().any(|own| own.eq_ignore_ascii_case(role))
    }
}

/// The risk index knows three types of objects; an observable's type is finer.
fn risk_object_type(observable_type: &str) -> &'static str {
    match observable_type.to_lowercase().as_str() {
        "hostname" | "endpoint" | "device" | "ip address" => "system",
        "user" | "user name" | "username" | "email address" => "user",
        _ => "other",
    }
}
