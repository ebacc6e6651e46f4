//! The inputs of a sweep: everything that its tables depend on besides the bytes of the evidence,
//! such as the rules and the options. Two sweeps with equal inputs over the same evidence make the
//! same tables, so one can continue where the other stopped (`--resume`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{LoadedDetection, LoadedExclusion, Options, Period};
use crate::base::digest::sha256;
use crate::base::path_text::path_text;

/// Everything that the output tables of a sweep depend on besides the bytes of the evidence. In
/// JSON, an input that the user typed has the name of its command-line option.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepInputs {
    /// The version of dnsweep with which the sweep is made.
    #[serde(rename = "version of dnsweep")]
    pub version: String,
    /// The roots of the evidence (the folders and files that the sweep reads), as the texts of
    /// their paths.
    pub evidence: Vec<String>,
    /// The detections that the sweep runs, each as a text with its id and the SHA-256 of each file
    /// that its results depend on.
    pub detections: Vec<String>,
    /// The SHA-256 of the YAML file with values for the placeholders of Sigma rules; empty if the
    /// user named no such file.
    pub placeholders: String,
    /// The SHA-256 of the file with passwords for encrypted archives; empty if the user named no
    /// such file.
    pub passwords: String,
    /// The exclusions of the sweep (`--allow`), each as a text with its name, the SHA-256 of its
    /// file, and whether it is applied or has expired.
    pub allow: Vec<String>,
    /// The period in which matches count, as the user typed it. A span back from now (`14d`) stays
    /// a span here, so that a later sweep with the same text has the same input.
    #[serde(flatten)]
    pub period: Period,
    /// The options of the sweep, such as whether deleted records are searched for.
    #[serde(flatten)]
    pub options: Options,
}

/// An input, such as an option, that differs between two sweeps. Because of it, the second sweep
/// cannot resume the first one, the outputs of both cannot be merged, or a plan cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputDifference {
    /// The name of the input that differs between two sweeps: an option (`--recover`), `evidence`,
    /// `detections` or `version of dnsweep`; or a few words about the period.
    pub what: String,
    /// The value of the differing input in the first sweep (for `--resume`, the unfinished one), as
    /// text; empty if the first sweep has no such input.
    pub first: String,
    /// The value of the differing input in the second sweep (for `--resume`, the one that was to
    /// resume the first), as text; empty if the second sweep has no such input.
    pub second: String,
}

impl SweepInputs {
    /// Collects the inputs of a sweep by this version of dnsweep. `roots` are the roots of the
    /// evidence (the folders and files to read), as absolute paths without links.
    pub(super) fn new(
        roots: &[std::path::PathBuf],
        detections: &[LoadedDetection],
        [placeholders_sha256, passwords_sha256]: [&str; 2],
        exclusions: &[LoadedExclusion],
        period: Period,
        options: Options,
    ) -> Self {
        SweepInputs {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            evidence: roots.iter().map(|root| path_text(root)).collect(),
            detections: detections.iter().map(LoadedDetection::identity).collect(),
            placeholders: placeholders_sha256.to_owned(),
            passwords: passwords_sha256.to_owned(),
            allow: exclusions.iter().map(LoadedExclusion::identity).collect(),
            period,
            options,
        }
    }

    /// Returns the inputs of the sweep as a JSON object. The sweep writes the object to its
    /// journal, the file with what it has read so far. A later sweep with `--resume` compares its
    /// own inputs with the object.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts, numbers and lists of them are JSON")
    }

    /// Returns the SHA-256 of what the sweep looks for, as hexadecimal digits: the version of
    /// dnsweep, the rules, the exclusions and the period. It is in `run.json` and in each table, so
    /// that one can see whether a sweep can have written a table. Where the evidence lies and how
    /// it is read is not part of it.
    #[must_use]
    pub fn looked_for_sha256(&self) -> String {
        let looked_for = SweepInputs {
            evidence: Vec::new(),
            passwords: String::new(),
            options: Options::default(),
            ..self.clone()
        };
        sha256(looked_for.to_json().as_bytes())
    }

    /// Returns the first input in which this sweep differs from an earlier one; `None` if all
    /// inputs are equal. `first` is the JSON of the earlier sweep's inputs. An input that only one
    /// of the sweeps has is a difference: the sweeps were made by different versions of dnsweep.
    #[must_use]
    pub fn differs_from(&self, first: &str) -> Option<InputDifference> {
        let fields = |json: &str| serde_json::from_str::<Map<String, Value>>(json).unwrap_or_default();
        let (first, second) = (fields(first), fields(&self.to_json()));
        let names = second.keys().chain(first.keys().filter(|name| !second.contains_key(*name)));
        let differs = |name: &&String| first.get(*name) != second.get(*name);
        let name = names.into_iter().find(differs)?;
        let said = |fields: &Map<String, Value>| fields.get(name).map_or_else(String::new, text);
        Some(InputDifference { what: option_name(name), first: said(&first), second: said(&second) })
    }
}

/// The name of an input of a sweep in messages: that of its command-line option, such as
/// `--any-name`, if it has one. `field` is the name of the input in JSON, such as `any_name`.
fn option_name(field: &str) -> String {
    match field {
        "version of dnsweep" | "evidence" | "detections" => field.to_owned(),
        option => format!("--{}", option.replace('_', "-")),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Recovery;

    #[test]
    fn each_input_that_differs_is_named() {
        let plain = SweepInputs { version: "1".to_owned(), ..SweepInputs::default() };
        assert_eq!(plain.differs_from(&plain.to_json()), None);
        let options = Options { recovery: Recovery::Stale, evidence_depth: Some(2), ..Options::default() };
        let recovering = SweepInputs { options, ..plain.clone() };
        let difference = recovering.differs_from(&plain.to_json()).unwrap();
        assert_eq!(difference.what, "--evidence-depth");
        assert_eq!((difference.first.as_str(), difference.second.as_str()), ("", "2"));
        let options = Options { recovery: Recovery::Stale, ..Options::default() };
        let difference = SweepInputs { options, ..plain.clone() }.differs_from(&plain.to_json()).unwrap();
        assert_eq!((difference.what.as_str(), difference.second.as_str()), ("--recover", "true"));
        let newer = SweepInputs { version: "2".to_owned(), ..plain.clone() };
        assert_eq!(newer.differs_from(&plain.to_json()).unwrap().what, "version of dnsweep");
        assert!(plain.differs_from("{}").is_some() && plain.differs_from("no JSON").is_some());
    }

    #[test]
    fn every_switch_is_compared() {
        let options = serde_json::to_value(Options::default()).unwrap();
        let plain = SweepInputs::default();
        for (name, value) in options.as_object().unwrap() {
            let mut changed = options.clone();
            changed[name] = if value.is_null() { 3.into() } else { true.into() };
            let changed = SweepInputs { options: serde_json::from_value(changed).unwrap(), ..plain.clone() };
            let difference = changed.differs_from(&plain.to_json()).unwrap();
            assert_eq!(difference.what, format!("--{}", name.replace('_', "-")));
        }
    }
}
