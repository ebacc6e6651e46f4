//! Compiles Sigma rules, which are rules in YAML for any log product, to a [`Predicate`]: a
//! condition on one event. The module `splunk` does this for Splunk's searches.
//!
//! The rules must be about DNS queries of Windows: Sysmon's event 22, or the events of Windows' own
//! DNS client. Anything in a rule that is not understood is an error. The specification is version
//! 2.1 of <https://github.com/SigmaHQ/sigma-specification>.

mod combinations;
mod compiler;
mod condition;
mod encoding;
mod field_names;
mod file;
mod header;
mod item;
mod many_values;
mod modifier;
mod part;
pub(in crate::detect) mod placeholder;
mod relevance;
mod source;

use self::compiler::Compiler;
pub use self::field_names::{sigma_dns_client_fields, sigma_fields};
pub(in crate::detect) use self::file::{SigmaDocument, SigmaFile, is_sigma};
use self::header::RuleHeader;
pub use self::header::{LEVEL_SCORES, STATUS_SHARES};
pub use self::modifier::sigma_modifiers;
use self::source::LogSource;
use crate::detect::detection::{Detection, EventSource, Language};
use crate::detect::nearest::{nearest, suggestion};
use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::risk::{RiskObject, ThreatObject};
use crate::detect::sigma::placeholder::Placeholders;
use crate::detect::splunk::search::Search;
use crate::detect::yaml::{Node, YamlProblem};
use crate::event::{DNS_CLIENT_CHANNEL, DNS_CLIENT_PROVIDER};

/// Why a Sigma rule cannot be run: it is not understood, or it is not about DNS queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum Refusal {
    /// The Sigma rule has something that dnsweep does not understand, such as an unknown modifier.
    /// The problem says what, and where in the rule's file.
    NotUnderstood(YamlProblem),
    /// The Sigma rule is about events other than DNS queries of Windows, such as network
    /// connections, so no DNS query could match it. The problem says where in the rule's file this
    /// is stated.
    OtherData(YamlProblem),
}

impl Refusal {
    /// Returns the refusal of a Sigma rule that is about events other than DNS queries of Windows.
    /// `about` is a text that names these events, with its place in the rule's file. The message of
    /// the refusal quotes this text.
    fn other_data(about: YamlProblem) -> Self {
        Refusal::OtherData(about.map_text(|about| {
            format!("expected a rule about DNS queries, found one about other data ({about})")
        }))
    }
}

impl From<YamlProblem> for Refusal {
    fn from(problem: YamlProblem) -> Self {
        Refusal::NotUnderstood(problem)
    }
}

/// Compiles one rule of a Sigma file to a detection. `placeholders` has the values that the user's
/// site gives for placeholders in rules, such as `%servers%`. The error says why the rule cannot be
/// run.
pub(in crate::detect) fn detection(
    document: SigmaDocument,
    placeholders: &Placeholders,
) -> Result<Detection, Refusal> {
    let SigmaDocument { rule, id, .. } = document;
    let rule = rule?;
    refuse_other_kinds(&rule)?;
    let source = LogSource::of(expected(&rule, "logsource")?)?;
    let header = RuleHeader::of(&rule)?;
    let compiler = Compiler::new(expected(&rule, "detection")?, source, placeholders);
    let condition = compiler.predicate()?;
    let (id, risk_score) = (id.text(&rule), header.risk());
    let RuleHeader { title, status, level, description, author, date, techniques, mut notes } = header;
    notes.extend(compiler.notes());
    let name = title.unwrap_or_else(|| id.clone());
    Ok(Detection {
        indicators: None,
        language: Language::Sigma,
        source: if source == LogSource::DnsClient { EventSource::DnsClient } else { EventSource::Sysmon },
        id,
        version: date.clone(),
        date,
        author,
        status: status.map(str::to_owned),
        detection_type: level.map(str::to_owned),
        description,
        false_positives: rule.texts_of("falsepositives"),
        references: rule.texts_of("references"),
        mitre_attack_id: techniques,
        analytic_story: Vec::new(),
        risk_score,
        risk_message_template: Some(format!("{name}: $Image$ asked for $QueryName$ on $Computer$")),
        name,
        risk_objects: vec![RiskObject {
            field: "Computer".to_owned(),
            object_type: "system".to_owned(),
            score: None,
        }],
        threat_objects: [("Image", "process"), ("QueryName", "domain")]
            .map(|(field, kind)| ThreatObject { field: field.to_owned(), object_type: kind.to_owned() })
            .into(),
        search: Search::of(with_source(source, condition)),
        tests: Vec::new(),
        notes,
    })
}

/// Joins the condition of a Sigma rule with the conditions on the event's origin that its log
/// source implies. For Windows' DNS client, the provider or the channel must be that of the DNS
/// client. For any other log source, the event must be Sysmon's event 22.
fn with_source(source: LogSource, condition: Predicate) -> Predicate {
    let matches = |field, text| Predicate::Matches { field, pattern: Pattern::new(text) };
    let mut all = match source {
        LogSource::Category | LogSource::Sysmon | LogSource::Windows => {
            vec![Predicate::Sysmon, matches(Field::EventId, "22")]
        }
        LogSource::DnsClient => vec![Predicate::Or(vec![
            matches(Field::Provider, DNS_CLIENT_PROVIDER),
            matches(Field::Channel, DNS_CLIENT_CHANNEL),
        ])],
    };
    match condition {
        Predicate::And(parts) => all.extend(parts),
        other => all.push(other),
    }
    Predicate::And(all)
}

/// Refuses Sigma's correlation rules, which count the matches of other rules, and filter rules,
/// which change other rules. Neither describes events by itself.
fn refuse_other_kinds(rule: &Node) -> Result<(), YamlProblem> {
    for (key, kind) in [
        ("correlation", "a correlation rule, which counts the matches of others: not supported"),
        ("filter", "a filter rule, which changes others: write what it excludes as an exclusion (--allow)"),
    ] {
        if let Some((key, _)) = rule.entries().iter().find(|(name, _)| name.name == key) {
            return Err(YamlProblem::at(
                key.place,
                format!("expected a rule that describes events, found {kind}"),
            ));
        }
    }
    Ok(())
}

/// Returns the value of `key` in a Sigma rule, which must have the key. If the rule does not have
/// it, the error names a similar key of the rule, which is probably misspelt.
fn expected<'n>(rule: &'n Node, key: &str) -> Result<&'n Node, YamlProblem> {
    rule.get(key).ok_or_else(|| missing(rule, key, &format!("expected the key '{key}'")))
}

/// Returns the error that the YAML mapping `node` has no key `key`. If the mapping has a similar
/// key, which is probably misspelt, the message names that key. The message begins with `expected`.
fn missing(node: &Node, key: &str, expected: &str) -> YamlProblem {
    let keys = || node.entries().iter().map(|(key, _)| key);
    let near = nearest(key, keys().map(|key| key.name.as_str()));
    let slip = near.and_then(|near| keys().find(|key| key.name == near));
    match slip {
        Some(slip) => {
            let found = slip.name.escape_debug();
            YamlProblem::at(slip.place, format!("{expected}, found '{found}'; did you mean '{key}'?"))
        }
        None => YamlProblem::at(node.place, expected),
    }
}

#[cfg(test)]
mod tests;
