//! The definition of a lookup: which CSV file has the table, and how its columns are compared with
//! values, in Splunk's keys. The table itself is read elsewhere.

use serde::Deserialize;

use crate::detect::ContentError;
use crate::detect::yaml::keys::KnownKeys;
use crate::detect::yaml::{YamlProblem, from_node, only_document};

/// The definition file of a Splunk lookup (a site's table of values), in Splunk's keys: which CSV
/// file contains the table, and how its columns are compared with values.
#[derive(Debug, Default, Deserialize)]
pub struct LookupDefinition {
    pub(super) filename: Option<String>,
    pub(super) collection: Option<String>,
    pub(super) lookup_type: Option<String>,
    pub(super) match_type: Option<MatchTypeSetting>,
    pub(super) case_sensitive_match: Option<String>,
    pub(super) default_match: Option<String>,
    pub(super) min_matches: Option<usize>,
    pub(super) max_matches: Option<usize>,
    /// Notes for the user about how the lookup's definition file was understood, such as that a key
    /// is misspelt.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
}

/// The keys that are known in a lookup's definition file. An unknown key that is close to one of
/// them is probably misspelt, and is reported to the user.
const KEYS: KnownKeys = KnownKeys {
    read: &[
        "filename",
        "collection",
        "lookup_type",
        "match_type",
        "case_sensitive_match",
        "default_match",
        "min_matches",
        "max_matches",
    ],
    others: &["name", "fields_list", "fields"],
    required: &[],
};

/// The value of the key `match_type` of a lookup's definition file: one text, or a list of texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum MatchTypeSetting {
    /// The definition has one text, such as `WILDCARD(domain)`: the cells of the column `domain`
    /// are patterns with wildcards.
    One(String),
    /// The definition has a list of texts, each about some columns. An example is
    /// `WILDCARD(domain)`: the cells of the column `domain` are patterns with wildcards.
    Several(Vec<String>),
}

impl LookupDefinition {
    /// Parses the YAML text of a lookup's definition file. The error says what was expected and
    /// what was found.
    pub fn from_yaml(text: &str) -> Result<Self, ContentError> {
        let read = || {
            let document = only_document(text)?;
            let mut notes = Vec::new();
            KEYS.check(&document, "", &mut notes)?;
            Ok(LookupDefinition { notes, ..from_node(&document)? })
        };
        read().map_err(|problem: YamlProblem| problem.to_string().into())
    }

    /// Returns the name of the CSV file that contains the table of the lookup `name`; `name` with
    /// `.csv` if the definition states no file. It is an error if the definition names a file in
    /// another folder, or something else than a CSV file, such as a collection on a Splunk server.
    pub fn file_name(&self, name: &str) -> Result<String, ContentError> {
        let kind = self.lookup_type.as_deref().unwrap_or("csv");
        if let Some(collection) = &self.collection {
            return Err(format!(
                "expected a lookup with a CSV file, found the collection '{collection}', which is on a Splunk server"
            )
            .into());
        }
        if !kind.eq_ignore_ascii_case("csv") {
            return Err(format!("expected a lookup with a CSV file, found one of the type '{kind}'").into());
        }
        let file = self.filename.clone().unwrap_or_else(|| format!("{name}.csv"));
        if file.contains(['/', '\\']) || file.starts_with('.') {
            return Err(
                format!("filename: expected the name of a file in the same folder, found '{file}'").into()
            );
        }
        Ok(file)
    }
}

/// Returns true if a value in the definition file of a Splunk lookup, such as `yes` or `1`, means
/// true in Splunk's configuration files.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "t" | "yes")
}
