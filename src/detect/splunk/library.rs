//! The macros and lookups of a site that a search can use, by their names. The implementor of
//! [`Library`] decides from which files they are read.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Deserialize;

use crate::base::sentence::sentence;
use crate::detect::lookup::Lookup;
use crate::detect::yaml::keys::KnownKeys;
use crate::detect::yaml::{from_node, only_document};

sentence! {
    /// The reason, as a sentence, why a file of the site cannot be used: a file with a macro, with
    /// a lookup, or with the values for the placeholders of Sigma rules.
    pub struct ContentError;
}

/// A site's macros (texts that replace their calls) and lookups (tables), which Splunk searches use
/// by name. A method returns an error if the file of the macro or lookup exists but cannot be used.
pub trait Library: Debug {
    /// Returns the site's macro with this name; `None` if the site has no macro of this name. The
    /// error says why the macro's file cannot be used.
    fn macro_named(&self, name: &str) -> Result<Option<Macro>, ContentError>;
    /// Returns the site's lookup (a table) with this name; `None` if the site has no lookup of this
    /// name. The error says why the lookup's file cannot be used.
    fn lookup_named(&self, name: &str) -> Result<Option<Arc<Lookup>>, ContentError>;

    /// Returns the names of all macros of the site, to suggest one for a misspelt name.
    fn macro_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the names of all lookups of the site, to suggest one for a misspelt name.
    fn lookup_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A library that contains no macros and no lookups.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLibrary;

impl Library for NoLibrary {
    fn macro_named(&self, _: &str) -> Result<Option<Macro>, ContentError> {
        Ok(None)
    }

    fn lookup_named(&self, _: &str) -> Result<Option<Arc<Lookup>>, ContentError> {
        Ok(None)
    }
}

/// The keys that dnsweep knows in the YAML file of a macro. If an unknown key is similar to a key
/// in `read`, it is probably misspelt, and the file is refused.
const KEYS: KnownKeys = KnownKeys {
    read: &["definition", "arguments"],
    others: &["description", "name"],
    required: &["definition", "arguments"],
};

/// A macro of Splunk's search language: a text that replaces each call of the macro in a search.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Macro {
    /// The text that replaces a call of the macro. In it, `$name$` stands for the argument with
    /// that name.
    pub definition: String,
    /// The names of the macro's arguments, in the order in which a call lists their values; `None`
    /// if the macro has no arguments.
    #[serde(default)]
    pub arguments: Option<Vec<String>>,
}

impl Macro {
    /// Parses the text of the YAML file that defines a macro. The error says what was expected and
    /// what was found.
    pub fn from_yaml(text: &str) -> Result<Self, ContentError> {
        let read = || {
            let document = only_document(text)?;
            KEYS.check(&document, "", &mut Vec::new())?;
            from_node(&document)
        };
        read().map_err(|problem| problem.to_string().into())
    }

    /// Returns the macro's text, in which `values` replace the arguments. If the number of `values`
    /// differs from that of the arguments, the error is the phrase after "expected" in the error
    /// message.
    pub(in crate::detect) fn expand(&self, values: &[String]) -> Result<String, String> {
        let names = self.arguments.as_deref().unwrap_or_default();
        if names.len() != values.len() {
            return Err(format!("a macro call with {} arguments", names.len()));
        }
        let mut text = String::with_capacity(self.definition.len());
        let mut rest = self.definition.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            let argument = after.split_once('$').and_then(|(name, behind)| {
                let place = names.iter().position(|known| known == name)?;
                Some((values.get(place)?, behind))
            });
            if let Some((value, behind)) = argument {
                text.push_str(value);
                rest = behind;
            } else {
                text.push('$');
                rest = after;
            }
        }
        text.push_str(rest);
        Ok(text)
    }
}
