//! Sigma rules: read by `rsigma-parser`, of which this module is the only user, and made into the same predicate that Splunk's
//! searches become.
//!
//! Rules of the category `dns_query` for Windows are taken: that is Sysmon's event 22. Whatever in a rule is not understood is an
//! error. Specification: <https://github.com/SigmaHQ/sigma-specification>, version 2.0.

mod condition;
mod item;

use rsigma_parser::{Level, LogSource, SigmaRule, Status, parse_sigma_yaml};

use self::condition::Compiler;
pub use self::item::sigma_fields;
use super::detection::{Detection, Language};
use super::field::Field;
use super::pattern::Pattern;
use super::placeholder::Placeholders;
use super::predicate::Predicate;
use super::risk::{RiskObject, ThreatObject};
use super::search::Search;

/// What a level says of the risk, 0 to 100.
pub const LEVEL_SCORES: [(&str, u32); 5] =
    [("informational", 10), ("low", 25), ("medium", 50), ("high", 75), ("critical", 100)];
/// How much of that a rule of some status may claim, in percent.
pub const STATUS_SHARES: [(&str, u32); 5] =
    [("stable", 100), ("test", 90), ("experimental", 70), ("deprecated", 50), ("unsupported", 30)];
/// The same of a rule that states none.
const UNSTATED_SHARE: u32 = 70;

/// The longest condition, in bytes: its reader nests as deep as the condition does, and a thousand `not`s are no rule but an
/// attempt at the stack.
const LONGEST_CONDITION: usize = 4096;

/// Refuses a condition that is too long to be read.
pub(super) fn check_condition_length(bytes: usize) -> Result<(), String> {
    if bytes <= LONGEST_CONDITION {
        return Ok(());
    }
    Err(format!("expected a condition of at most {LONGEST_CONDITION} bytes, found {bytes}"))
}

/// Reads a rule. The error says what is not understood.
pub(super) fn detection(text: &str, placeholders: &Placeholders) -> Result<Detection, String> {
    let rule = only_rule(text)?;
    check_log_source(&rule.logsource)?;
    let id = rule.id.clone().ok_or("expected an id")?;
    let compiler = Compiler::new(&rule.detection, placeholders);
    let condition = compiler.predicate()?;
    let event = Predicate::Matches { field: Field::EventId, pattern: Pattern::new("22") };
    let mut all = vec![Predicate::Sysmon, event];
    match condition {
        Predicate::And(parts) => all.extend(parts),
        other => all.push(other),
    }
    let level = rule.level.map(level_name);
    let status = rule.status.map(status_name);
    Ok(Detection {
        language: Language::Sigma,
        id,
        version: rule.modified.clone().or_else(|| rule.date.clone()),
        date: rule.modified.or(rule.date),
        author: rule.author,
        status: status.map(str::to_owned),
        detection_type: level.map(str::to_owned),
        description: rule.description,
        mitre_attack_id: rule.tags.iter().filter_map(|tag| technique(tag)).collect(),
        analytic_story: Vec::new(),
        risk_score: level.map(|level| score(level, status)),
        risk_message_template: Some(format!("{}: $Image$ asked for $QueryName$ on $Computer$", rule.title)),
        name: rule.title,
        risk_objects: vec![RiskObject {
            field: "Computer".to_owned(),
            object_type: "system".to_owned(),
            score: None,
        }],
        threat_objects: [("Image", "process"), ("QueryName", "domain")]
            .map(|(field, kind)| ThreatObject { field: field.to_owned(), object_type: kind.to_owned() })
            .into(),
        search: Search::of(Predicate::And(all)),
        tests: Vec::new(),
        notes: compiler.notes(),
    })
}

/// The one rule of the text.
fn only_rule(text: &str) -> Result<SigmaRule, String> {
    let mut collection = parse_sigma_yaml(text).map_err(|error| error.to_string())?;
    if let Some(error) = collection.errors.pop() {
        return Err(error);
    }
    if !collection.correlations.is_empty() || !collection.filters.is_empty() {
        return Err("expected a rule, found a correlation or a filter".to_owned());
    }
    match (collection.rules.pop(), collection.rules.len()) {
        (Some(rule), 0) => Ok(rule),
        (rule, others) => Err(format!("expected one rule, found {}", others + usize::from(rule.is_some()))),
    }
}

/// Only what Sysmon logs of DNS queries can be looked for here.
fn check_log_source(source: &LogSource) -> Result<(), String> {
    let LogSource { category, product, service, .. } = source;
    let found = |part: &Option<String>| part.clone().unwrap_or_else(|| "none".to_owned());
    let is_windows = product.as_deref().is_none_or(|product| product == "windows");
    let is_sysmon = service.as_deref().is_none_or(|service| service == "sysmon");
    if category.as_deref() == Some("dns_query") && is_windows && is_sysmon {
        return Ok(());
    }
    Err(format!(
        "expected the log source category dns_query of the product windows, found category {}, product {}, service {}",
        found(category),
        found(product),
        found(service)
    ))
}

/// The technique that a tag such as `attack.t1567.002` names.
fn technique(tag: &str) -> Option<String> {
    let number = tag.strip_prefix("attack.t")?;
    let is_number = number.starts_with(|digit: char| digit.is_ascii_digit());
    is_number.then(|| format!("T{number}"))
}

fn level_name(level: Level) -> &'static str {
    level.as_str()
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Stable => "stable",
        Status::Test => "test",
        Status::Experimental => "experimental",
        Status::Deprecated => "deprecated",
        Status::Unsupported => "unsupported",
    }
}

/// The level's score times the status's share, rounded.
fn score(level: &str, status: Option<&str>) -> u32 {
    let of = |table: &[(&str, u32)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    };
    let full = of(&LEVEL_SCORES, level).unwrap_or_default();
    let share = status.and_then(|status| of(&STATUS_SHARES, status)).unwrap_or(UNSTATED_SHARE);
    (full * share + 50) / 100
}

#[cfg(test)]
mod tests;
