//! The macros and lookups of a site that a search can use, by their names. Who implements
//! [`Library`] decides where they are read from.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Deserialize;

use crate::base::sentence::sentence;
use crate::detect::lookup::Lookup;
use crate::detect::yaml::keys::KnownKeys;
use crate::detect::yaml::{from_node, only_document};

sentence! {
    /// The reason why a macro, a lookup or a file of placeholders cannot be used.
    pub struct ContentError;
}

/// A site's macros and lookups. A method returns an error if the file exists but cannot be used.
pub trait Library: Debug {
    /// Returns the macro with this name; `None` if there is no such macro.
    fn macro_named(&self, name: &str) -> Result<Option<Macro>, ContentError>;
    /// Returns the lookup with this name; `None` if there is no such lookup.
    fn lookup_named(&self, name: &str) -> Result<Option<Arc<Lookup>>, ContentError>;

    /// Returns the names of all macros, to suggest one for a misspelt name.
    fn macro_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the names of all lookups, to suggest one for a misspelt name.
    fn lookup_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A library without macros and lookups.
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

/// The known keys of a macro's YAML file.
const KEYS: KnownKeys = KnownKeys {
    read: &["definition", "arguments"],
    others: &["description", "name"],
    required: &["definition", "arguments"],
};

/// A macro: a text that replaces its calls in a search.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Macro {
    /// The macro's text. `$name$` is replaced by the argument with that name.
    pub definition: String,
    /// The names of the macro's arguments, in order.
    #[serde(default)]
    pub arguments: Option<Vec<String>>,
}

impl Macro {
    /// Parses the text of a macro's YAML file.
    pub fn from_yaml(text: &str) -> Result<Self, ContentError> {
        let read = || {
            let document = only_document(text)?;
            KEYS.check(&document, "", &mut Vec::new())?;
            from_node(&document)
        };
        read().map_err(|problem| problem.to_string().into())
    }

    /// Returns the macro's text with its arguments replaced by `values`. The error says how many
    /// arguments were expected.
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
