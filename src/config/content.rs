//! A site's macros and lookups, as Splunk's content lies in folders: `macros/NAME.yml`, and
//! `lookups/NAME.yml` with a CSV file beside it. Of a rule, they are those of the nearest folder
//! above it that has one of these two.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::detect::{Library, Lookup, LookupDefinition, Macro};
use crate::digest::sha256;
use crate::machine::files::{Link, read_at_most};

/// The largest definition. Real ones have a few KiB.
const MOST_DEFINITION_BYTES: u64 = 1 << 20;
/// The largest CSV file. Splunk's own largest has two MiB.
const MOST_CSV_BYTES: u64 = 64 << 20;
/// Content does not lie further above a rule than so many folders.
const MOST_LEVELS: usize = 12;

/// A file that a detection takes a macro or a lookup from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFile {
    /// The file, from the content's folder.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// What was read for all rules.
#[derive(Debug, Default)]
pub(super) struct ContentCache {
    lookups: RefCell<HashMap<PathBuf, Known>>,
}

/// A lookup, or what is wrong with it, and the files that it was read from.
type Known = (Result<Arc<Lookup>, String>, Vec<ContentFile>);

/// The macros and lookups that one rule can use.
#[derive(Debug)]
pub(super) struct Content<'c> {
    folder: Option<PathBuf>,
    cache: &'c ContentCache,
    read: RefCell<BTreeMap<String, String>>,
}

impl<'c> Content<'c> {
    /// The content above a rule file.
    pub(super) fn above(rule: &Path, cache: &'c ContentCache) -> Self {
        let has_content = |folder: &&Path| folder.join("macros").is_dir() || folder.join("lookups").is_dir();
        let rule = rule.canonicalize().unwrap_or_else(|_| rule.to_path_buf());
        let folder = rule.ancestors().skip(1).take(MOST_LEVELS).find(has_content).map(Path::to_path_buf);
        Content { folder, cache, read: RefCell::default() }
    }

    /// The files that were read.
    pub(super) fn into_files(self) -> Vec<ContentFile> {
        self.read.into_inner().into_iter().map(|(file, sha256)| ContentFile { file, sha256 }).collect()
    }

    fn note(&self, files: &[ContentFile]) {
        let mut read = self.read.borrow_mut();
        read.extend(files.iter().map(|file| (file.file.clone(), file.sha256.clone())));
    }

    /// The definition of that name in one of the two folders.
    fn definition(&self, kind: &str, name: &str) -> Result<Option<(String, ContentFile)>, String> {
        let Some(folder) = self.folder.as_deref().filter(|_| is_plain(name)) else { return Ok(None) };
        for extension in ["yml", "yaml"] {
            let file = format!("{kind}/{name}.{extension}");
            let path = folder.join(&file);
            if path.exists() {
                let (text, sha256) = text_of(&path, MOST_DEFINITION_BYTES)?;
                return Ok(Some((text, ContentFile { file, sha256 })));
            }
        }
        Ok(None)
    }

    fn lookup(&self, folder: &Path, name: &str) -> Result<Option<Known>, String> {
        let mut files = Vec::new();
        let mut definition = LookupDefinition::default();
        let csv = if let Some((text, file)) = self.definition("lookups", name)? {
            let problem = |problem: String| format!("{}: {problem}", file.file);
            definition = LookupDefinition::from_yaml(&text).map_err(problem)?;
            let csv = definition.file_name(name).map_err(problem)?;
            files.push(file);
            csv
        } else if name.to_ascii_lowercase().ends_with(".csv") && folder.join("lookups").join(name).exists() {
            name.to_owned()
        } else {
            return Ok(None);
        };
        let file = format!("lookups/{csv}");
        let (text, sha256) = text_of(&folder.join(&file), MOST_CSV_BYTES)?;
        let lookup = Lookup::new(name, &definition, &text)
            .map(Arc::new)
            .map_err(|problem| format!("{file}: {problem}"));
        files.push(ContentFile { file, sha256 });
        Ok(Some((lookup, files)))
    }
}

impl Library for Content<'_> {
    fn macro_named(&self, name: &str) -> Result<Option<Macro>, String> {
        let Some((text, file)) = self.definition("macros", name)? else { return Ok(None) };
        let known =
            Macro::from_yaml(&text).map_err(|problem| format!("a macro in {}: {problem}", file.file))?;
        self.note(&[file]);
        Ok(Some(known))
    }

    fn lookup_named(&self, name: &str) -> Result<Option<Arc<Lookup>>, String> {
        let Some(folder) = self.folder.as_deref().filter(|_| is_plain(name)) else { return Ok(None) };
        let place = folder.join(name);
        let known = self.cache.lookups.borrow().get(&place).cloned();
        let (lookup, files) = match known {
            Some(known) => known,
            None => match self.lookup(folder, name)? {
                Some(read) => self.cache.lookups.borrow_mut().entry(place).or_insert(read).clone(),
                None => return Ok(None),
            },
        };
        self.note(&files);
        lookup.map(Some)
    }
}

/// Whether a name leads nowhere else.
fn is_plain(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

/// The text of a file and its SHA-256.
fn text_of(path: &Path, most: u64) -> Result<(String, String), String> {
    let bytes = read_at_most(path, Link::Followed, most)
        .map_err(|error| format!("a readable file {}: {error}", path.display()))?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), sha256(&bytes)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn content_lies_in_the_nearest_folder_that_has_some() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "macros/a.yml", "definition: outer\n");
        write(root, "detections/endpoint/x.yml", "");
        write(root, "inner/macros/a.yml", "definition: inner\n");
        write(root, "inner/rules/y.yml", "");
        let cache = ContentCache::default();
        for (rule, expected) in [("detections/endpoint/x.yml", "outer"), ("inner/rules/y.yml", "inner")] {
            let content = Content::above(&root.join(rule), &cache);
            assert_eq!(content.macro_named("a").unwrap().unwrap().definition, expected);
            assert_eq!(content.macro_named("b").unwrap(), None);
            let files = content.into_files();
            assert_eq!(files.len(), 1);
            assert_eq!(files[0].file, "macros/a.yml");
            assert_eq!(files[0].sha256, sha256(format!("definition: {expected}\n").as_bytes()));
        }
    }

    #[test]
    fn names_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "secret.yml", "definition: x\n");
        write(root, "rules/macros/a.yml", "definition: x\n");
        write(root, "rules/lookups/b.yml", "filename: ../secret.yml\n");
        write(root, "rules/lookups/c.yml", "collection: c\n");
        write(root, "rules/lookups/d.yml", "lookup_type: kvstore\n");
        write(root, "rules/lookups/e.yml", "{}\n");
        write(root, "rules/x.yml", "");
        let cache = ContentCache::default();
        let content = Content::above(&root.join("rules/x.yml"), &cache);
        assert_eq!(content.macro_named("../secret").unwrap(), None);
        assert_eq!(content.macro_named("../../secret").unwrap(), None);
        for (lookup, expected) in [
            ("b", "expected the name of a file beside it"),
            ("c", "the collection 'c'"),
            ("d", "one of the type 'kvstore'"),
            ("e", "e.csv"),
        ] {
            let error = content.lookup_named(lookup).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(content.lookup_named("f").unwrap().is_none());
    }
}
