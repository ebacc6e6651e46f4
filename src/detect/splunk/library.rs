//! What a search takes from a site's content: macros and lookups, by their names. Where they come
//! from is not known here.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Deserialize;

use crate::base::sentence::sentence;
use crate::detect::lookup::Lookup;
use crate::detect::yaml::keys::KnownKeys;
use crate::detect::yaml::{from_node, only_document};

sentence! {
    /// What is wrong with a macro, a lookup or values for placeholders.
    pub struct ContentError;
}

/// A site's macros and lookups. An error says what is wrong with one that is there.
pub trait Library: Debug {
    /// The macro of that name; `None` where there is none.
    fn macro_named(&self, name: &str) -> Result<Option<Macro>, ContentError>;
    /// The lookup of that name; `None` where there is none.
    fn lookup_named(&self, name: &str) -> Result<Option<Arc<Lookup>>, ContentError>;

    /// The names of all macros: what a misspelt one may mean.
    fn macro_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The names of all lookups.
    fn lookup_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A library in which there is nothing.
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

/// The keys of a macro's file.
const KEYS: KnownKeys = KnownKeys {
    read: &["definition", "arguments"],
    others: &["description", "name"],
    required: &["definition", "arguments"],
};

/// A macro: text that takes the place of its call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Macro {
    /// The text, with `$argument$` where an argument belongs.
    pub definition: String,
    /// The names of its arguments, in their order.
    #[serde(default)]
    pub arguments: Option<Vec<String>>,
}

impl Macro {
    /// Reads a macro's file.
    pub fn from_yaml(text: &str) -> Result<Self, ContentError> {
        let read = || {
            let document = only_document(text)?;
            KEYS.check(&document, "", &mut Vec::new())?;
            from_node(&document)
        };
        read().map_err(|problem| problem.to_string().into())
    }

    /// The text with its arguments filled in; the error says how many it takes.
    pub(in crate::detect) fn filled_in(&self, values: &[String]) -> Result<String, String> {
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
