//! The commands `dnsweep detections list`, `show` and `check`.

use std::fmt::Write;

use super::{CommandOutput, tree_lines};
use crate::base::text_set::SoughtText;
use crate::cli::arguments::{CatalogArguments, CheckArguments, ShowArguments};
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::config::{Catalog, LoadedDetection, NotRun};
use crate::detect::{ConditionTree, Detection, EventSource, RequiredText, StatsColumn};
use crate::report::escaped;

/// The maximum number of literals that `dnsweep detections list` shows of one set. A detection has
/// sets of literals, and a sweep decodes a record for it only if the record contains a literal of
/// each set.
const MOST_LITERALS: usize = 3;

/// Runs the command `dnsweep detections list`: lists detections, in two lines each.
pub(super) fn list(arguments: &CatalogArguments) -> Result<CommandOutput, CommandError> {
    let catalog =
        Catalog::load(&arguments.paths, &arguments.lists.resolved(), arguments.placeholders.as_deref())?;
    let longest = catalog.detections.iter().map(|loaded| loaded.detection.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for LoadedDetection { detection, .. } in &catalog.detections {
        let Detection { id, name, language, risk_score, search, .. } = detection;
        let risk = risk_score.map_or_else(|| "none".to_owned(), |score| score.to_string());
        let _ = writeln!(text, "{id:longest$}  {:6}  risk {risk:>4}  {}", language.name(), escaped(name));
        let selected = selected_by(&search.predicate.required_texts(), MOST_LITERALS);
        let _ = writeln!(text, "{:longest$}  decoded only if {}", "", escaped(&selected));
    }
    for refused in &catalog.not_run.refused {
        let _ = writeln!(text, "refused: {}", escaped(&refused.reason));
    }
    let counted = catalog.not_run.counted();
    if !counted.is_empty() {
        let _ = writeln!(text, "not looked for: {counted}");
    }
    Ok(CommandOutput { text, exit: Exit::Complete })
}

/// Runs the command `dnsweep detections show`: shows a detection's description, its condition and
/// the literals that a match must contain.
pub(super) fn show(arguments: &ShowArguments) -> Result<CommandOutput, CommandError> {
    let (choice, paths) = arguments.resolved();
    let catalog = Catalog::load(paths, &arguments.lists.resolved(), arguments.placeholders.as_deref())?;
    let loaded = catalog.find(choice.as_deref())?;
    let mut text = String::new();
    describe(loaded, &mut text);
    let predicate = &loaded.detection.search.predicate;
    let _ = writeln!(text, "\nMatches an event if");
    tree_lines(&ConditionTree::of(predicate, None), 0, &mut text);
    let _ = writeln!(text, "\nDecoded only if");
    let required = predicate.required_texts();
    if required.is_empty() {
        let _ = writeln!(text, "  it is a DNS query: the condition has no literal to search for");
    }
    for set in &required {
        let _ = writeln!(text, "  {}", escaped(&one_of(set, usize::MAX)));
    }
    Ok(CommandOutput { text, exit: Exit::Complete })
}

/// Adds a description of a detection to `text`: a line for each of its properties that has a value,
/// such as its name or its author.
fn describe(loaded: &LoadedDetection, text: &mut String) {
    let LoadedDetection { detection, sha256, content, .. } = loaded;
    let Detection { name, id, version, date, author, status, detection_type, description, .. } = detection;
    let objects: Vec<String> = detection
        .risk_objects
        .iter()
        .map(|object| format!("{} ({})", object.field, object.object_type))
        .collect();
    let threats: Vec<String> = detection
        .threat_objects
        .iter()
        .map(|object| format!("{} ({})", object.field, object.object_type))
        .collect();
    let columns: Vec<&str> =
        detection.search.stats.iter().flat_map(|stats| stats.columns()).map(StatsColumn::name).collect();
    let risk = detection.risk_score.map_or_else(|| "none in the rule".to_owned(), |score| score.to_string());
    let typed = |text: &Option<String>| text.clone().unwrap_or_default();
    for (label, value) in [
        ("Name", name.clone()),
        ("Id", id.clone()),
        ("Language", detection.language.name().to_owned()),
        ("File", place(loaded)),
        ("SHA-256", sha256.clone()),
        ("Version", typed(version)),
        ("Date", typed(date)),
        ("Author", typed(author)),
        ("Status", typed(status)),
        ("Type", typed(detection_type)),
        ("Techniques", detection.mitre_attack_id.join(", ")),
        ("Stories", detection.analytic_story.join(", ")),
        ("Risk score", risk),
        ("Risk of", objects.join(", ")),
        ("Threats", threats.join(", ")),
        ("Message", typed(&detection.risk_message_template)),
        ("Table", columns.join(", ")),
        ("About", typed(description)),
        ("Harmless", detection.false_positives.join("; ")),
        ("References", detection.references.join(", ")),
        ("Uses", content.iter().map(|file| file.file.as_str()).collect::<Vec<_>>().join(", ")),
        ("Note", detection.notes.join("; ")),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "{label:<11} {}", escaped(value.trim()));
        }
    }
}

/// Returns the place of a detection's rule: the path of its file, and its line if the rule does not
/// begin on the first line.
fn place(loaded: &LoadedDetection) -> String {
    match loaded.line {
        0 | 1 => loaded.source.clone(),
        line => format!("{}, line {line}", loaded.source),
    }
}

/// Runs the command `dnsweep detections check`: lists each rule, with whether it runs or why
/// not, and each file without a rule.
pub(super) fn check(arguments: &CheckArguments) -> Result<CommandOutput, CommandError> {
    let catalog =
        Catalog::check(&arguments.paths, &arguments.lists.resolved(), arguments.placeholders.as_deref())?;
    let mut lines: Vec<(&str, String)> = Vec::new();
    for loaded in &catalog.detections {
        let LoadedDetection { detection, source, .. } = loaded;
        let place = place(loaded);
        let mut line = format!("runs     {place} ({}, {})", detection.language.name(), detection.id);
        if detection.source == EventSource::DnsClient {
            line.push_str("; as leads, with --dns-client");
        }
        for note in &detection.notes {
            let _ = write!(line, "; {note}");
        }
        lines.push((source, line));
    }
    let NotRun { refused, other_data, no_rules } = &catalog.not_run;
    lines.extend(refused.iter().map(|one| (one.source.as_str(), format!("refused  {}", one.reason))));
    lines.extend(other_data.iter().map(|one| (one.source.as_str(), format!("other    {}", one.reason))));
    lines.extend(no_rules.iter().map(|source| (source.as_str(), format!("no rule  {source}"))));
    lines.sort();
    let mut text = String::new();
    for (_, line) in &lines {
        let _ = writeln!(text, "{}", escaped(line));
    }
    let (run, rules) = (catalog.detections.len(), catalog.detections.len() + refused.len());
    let counted = catalog.not_run.counted();
    let _ = writeln!(text, "{run} of {rules} run{}{counted}", if counted.is_empty() { "" } else { "; " });
    let exit = if lines.is_empty() {
        let _ = writeln!(text, "expected rule files, found no .yml, .yaml or .sigma");
        Exit::Usage
    } else if refused.is_empty() {
        Exit::Complete
    } else {
        Exit::Damaged
    };
    Ok(CommandOutput { text, exit })
}

/// Returns the text that says which literals a record must contain so that a sweep decodes it for a
/// detection: one of each set in `required`. At most `most` literals of each set are named.
fn selected_by(required: &[Vec<RequiredText>], most: usize) -> String {
    let sets: Vec<String> = required.iter().map(|set| one_of(set, most)).collect();
    if sets.is_empty() { "it is a DNS query".to_owned() } else { sets.join("; ") }
}

/// Returns the text for a set of literals, of which every match contains at least one. At most
/// `most` literals are named.
fn one_of(set: &[RequiredText], most: usize) -> String {
    let literal = |required: &&RequiredText| required.text.literal().is_some();
    let mut fields: Vec<&str> = set.iter().filter(literal).map(|required| required.data_name).collect();
    fields.dedup();
    let literals: Vec<&str> = set.iter().filter_map(|required| required.text.literal()).collect();
    let more = literals.len().saturating_sub(most);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = literals.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    let listed = set.iter().filter_map(|required| match &required.text {
        SoughtText::Literal(_) => None,
        SoughtText::OneOf(texts) => {
            Some(format!("{} is described by one of {} entries", required.data_name, texts.count()))
        }
    });
    let contains = (!literals.is_empty()).then(|| format!("{} contains {shown}{more}", fields.join(" or ")));
    let ways: Vec<String> = contains.into_iter().chain(listed).collect();
    if ways.is_empty() { "never: nothing can match".to_owned() } else { ways.join(", or ") }
}
