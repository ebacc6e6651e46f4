//! Reads the macros and lookups that a site has for its Splunk searches, from folders that are laid
//! out like Splunk's own content:
//!
//! - `macros/NAME.yml` defines a macro.
//! - `lookups/NAME.yml` defines a lookup, with a CSV file beside it.
//!
//! Both may also be one folder deeper, such as in `lookups/csv`. A rule uses the macros and lookups
//! of the nearest folder above it that contains `macros` or `lookups`.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content_folder::{CarriedFolder, ContentFolder};
use crate::detect::{ContentError, Library, Lookup, LookupDefinition, Macro};

/// The name of the folder with a site's macros: parts of Splunk searches that rules name instead of
/// repeating them.
const MACROS: &str = "macros";
/// The name of the folder with a site's lookups: tables in which Splunk searches look up values.
const LOOKUPS: &str = "lookups";
/// The greatest size of a YAML file that defines a Splunk macro or lookup, in bytes. Real ones have
/// a few KiB.
const MOST_DEFINITION_BYTES: u64 = 1 << 20;
/// The greatest size of the CSV file of a Splunk lookup, in bytes. The largest in Splunk's own
/// content has two MiB.
const MOST_CSV_BYTES: u64 = 64 << 20;
/// The maximum number of folders above a rule file in which the folders `macros` and `lookups` are
/// searched for.
const MOST_LEVELS: usize = 12;

/// The maximum number of subfolders of `macros` or `lookups` that are searched, in alphabetical
/// order. The limit bounds the work in a folder that only happens to have that name.
const MOST_SUBFOLDERS: usize = 64;
/// The maximum number of names of macros, or of lookups, that a misspelt name in a rule is compared
/// with, to suggest the name that was meant.
const MOST_NAMES: usize = 10_000;
/// The extensions of the files that define Splunk macros and lookups.
const EXTENSIONS: [&str; 2] = ["yml", "yaml"];

/// A file of the site that defines a Splunk macro or lookup which a detection uses. The detection's
/// results depend on the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFile {
    /// The path of the macro's or lookup's file, relative to the folder that contains the folders
    /// `macros` and `lookups`.
    pub file: String,
    /// The SHA-256 of the bytes of the macro's or lookup's file, in hexadecimal digits.
    pub sha256: String,
    /// The path of the folder that contains the folders `macros` and `lookups`.
    pub folder: PathBuf,
}

/// The Splunk lookups (a site's tables of values) and the folder listings that were already read.
/// All rules share them, so that each lookup is read only once.
#[derive(Debug, Default)]
pub(super) struct ContentCache {
    /// The Splunk lookups (a site's tables of values) that were read. The key of each is the path
    /// of the folder that contains `lookups`, joined with the lookup's name.
    lookups: RefCell<HashMap<PathBuf, LoadedLookup>>,
    /// The names of the subfolders of each folder in which macros or lookups were searched for, by
    /// the folder's path.
    subfolders: RefCell<HashMap<PathBuf, Arc<[String]>>>,
}

/// A Splunk lookup (a site's table of values) that was read, or the reason why it cannot be read;
/// and the files from which it was read.
type LoadedLookup = (Result<Arc<Lookup>, ContentError>, Vec<UsedFile>);

/// A file of a macro or lookup that a rule has used.
#[derive(Debug, Clone)]
struct UsedFile {
    /// The file's path, relative to the folder that contains `macros` and `lookups`.
    file: String,
    /// The SHA-256 of the file's bytes, in hexadecimal digits.
    sha256: String,
}

/// The site's macros and lookups that the rules of one rule file can use. Records which files of
/// these macros and lookups the rules have used.
#[derive(Debug)]
pub(super) struct SiteContent<'c> {
    /// The folder that contains `macros` or `lookups`; `None` if no folder above the rule file
    /// does.
    folder: Option<ContentFolder>,
    cache: &'c ContentCache,
    /// The files of macros and lookups that the rules have used so far: the SHA-256 of each, by its
    /// path.
    read: RefCell<BTreeMap<String, String>>,
}

impl<'c> SiteContent<'c> {
    /// Returns the macros and lookups that the rule file `rule` can use: those in the nearest
    /// folder above the file that contains a folder `macros` or `lookups`. `cache` has what was
    /// already read for other rule files.
    pub(super) fn above(rule: &Path, cache: &'c ContentCache) -> Self {
        let has_content = |folder: &&Path| folder.join(MACROS).is_dir() || folder.join(LOOKUPS).is_dir();
        let rule = rule.canonicalize().unwrap_or_else(|_| rule.to_path_buf());
        let folder = rule.ancestors().skip(1).take(MOST_LEVELS).find(has_content);
        let folder = folder.map(|folder| ContentFolder::OnDisk(folder.to_path_buf()));
        SiteContent { folder, cache, read: RefCell::default() }
    }

    /// Returns the macros and lookups that the rules of a plan can use: those in `folder`, which
    /// the plan contains; none if `folder` is `None`. By a plan, several machines share one sweep.
    /// `cache` has what was already read for other rule files.
    pub(super) fn carried(folder: Option<&CarriedFolder>, cache: &'c ContentCache) -> Self {
        let folder = folder.cloned().map(ContentFolder::Carried);
        SiteContent { folder, cache, read: RefCell::default() }
    }

    /// Returns the files of those macros and lookups that the rules of the rule file have used.
    pub(super) fn into_files(self) -> Vec<ContentFile> {
        let folder = self.folder.as_ref().map_or_else(PathBuf::new, |folder| folder.path().to_path_buf());
        let read = self.read.into_inner().into_iter();
        read.map(|(file, sha256)| ContentFile { file, sha256, folder: folder.clone() }).collect()
    }

    fn note(&self, files: &[UsedFile]) {
        let mut read = self.read.borrow_mut();
        read.extend(files.iter().map(|file| (file.file.clone(), file.sha256.clone())));
    }

    /// Reads the YAML file that defines the macro or lookup `name`. Returns the file's text, and
    /// the file's path and SHA-256; `None` if there is no such file. `kind` is the folder to
    /// search: [`MACROS`] or [`LOOKUPS`].
    fn definition(&self, kind: &str, name: &str) -> Result<Option<(String, UsedFile)>, ContentError> {
        let Some(folder) = self.folder.as_ref().filter(|_| is_plain(name)) else { return Ok(None) };
        let names = EXTENSIONS.map(|extension| format!("{name}.{extension}"));
        let Some(file) = self.find(folder, kind, &names) else { return Ok(None) };
        let (text, sha256) = folder.read(&file, MOST_DEFINITION_BYTES)?;
        Ok(Some((text, UsedFile { file, sha256 })))
    }

    /// Finds the first file with one of these names in the subfolder `kind` of `folder`, or one
    /// level below that subfolder. The returned path is relative to `folder`.
    fn find(&self, folder: &ContentFolder, kind: &str, names: &[String]) -> Option<String> {
        let inside = self.subfolders(folder, kind);
        let folders = std::iter::once(kind.to_owned())
            .chain(inside.iter().map(|subfolder| format!("{kind}/{subfolder}")));
        let mut files = folders.flat_map(|inside| names.iter().map(move |name| format!("{inside}/{name}")));
        files.find(|file| folder.has(file))
    }

    /// The names of the first [`MOST_SUBFOLDERS`] subfolders of the folder `kind` in `folder`, in
    /// alphabetical order. They come from the cache if the folder was listed before.
    fn subfolders(&self, folder: &ContentFolder, kind: &str) -> Arc<[String]> {
        let place = folder.path().join(kind);
        if let Some(known) = self.cache.subfolders.borrow().get(&place) {
            return Arc::clone(known);
        }
        let names: Arc<[String]> = folder.subfolders(kind).into_iter().take(MOST_SUBFOLDERS).collect();
        self.cache.subfolders.borrow_mut().insert(place, Arc::clone(&names));
        names
    }

    /// The names of all macros, or of all lookups, for messages that suggest one of them instead of
    /// a misspelt name. `kind` is the name of the folder, [`MACROS`] or [`LOOKUPS`].
    fn names(&self, kind: &str) -> Vec<String> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let inside = self.subfolders(folder, kind);
        let folders =
            std::iter::once(kind.to_owned()).chain(inside.iter().map(|name| format!("{kind}/{name}")));
        let name = |file: String| match file.rsplit_once('.') {
            Some((name, extension)) if EXTENSIONS.contains(&extension) => Some(name.to_owned()),
            Some((_, "csv")) => Some(file),
            _ => None,
        };
        folders.flat_map(|inside| folder.entries(&inside)).filter_map(name).take(MOST_NAMES).collect()
    }

    fn lookup(&self, folder: &ContentFolder, name: &str) -> Result<Option<LoadedLookup>, ContentError> {
        let mut files = Vec::new();
        let mut definition = LookupDefinition::default();
        let csv = if let Some((text, file)) = self.definition(LOOKUPS, name)? {
            let problem = |problem: ContentError| format!("{}: {problem}", file.file);
            definition = LookupDefinition::from_yaml(&text).map_err(problem)?;
            let csv = definition.file_name(name).map_err(problem)?;
            let beside = Path::new(&file.file).with_file_name(&csv).to_string_lossy().into_owned();
            files.push(file);
            if folder.has(&beside) { beside } else { self.find(folder, LOOKUPS, &[csv]).unwrap_or(beside) }
        } else {
            let is_file = name.to_ascii_lowercase().ends_with(".csv");
            let Some(csv) = self.find(folder, LOOKUPS, &[name.to_owned()]).filter(|_| is_file) else {
                return Ok(None);
            };
            csv
        };
        let file = csv;
        let (text, sha256) = folder.read(&file, MOST_CSV_BYTES)?;
        let lookup = Lookup::new(name, &definition, &text)
            .map(Arc::new)
            .map_err(|problem| format!("{file}: {problem}").into());
        files.push(UsedFile { file, sha256 });
        Ok(Some((lookup, files)))
    }
}

impl Library for SiteContent<'_> {
    fn macro_named(&self, name: &str) -> Result<Option<Macro>, ContentError> {
        let Some((text, file)) = self.definition(MACROS, name)? else { return Ok(None) };
        let known = Macro::from_yaml(&text).map_err(|problem| format!("{}: {problem}", file.file))?;
        self.note(&[file]);
        Ok(Some(known))
    }

    fn lookup_named(&self, name: &str) -> Result<Option<Arc<Lookup>>, ContentError> {
        let Some(folder) = self.folder.as_ref().filter(|_| is_plain(name)) else { return Ok(None) };
        let place = folder.path().join(name);
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

    fn macro_names(&self) -> Vec<String> {
        self.names(MACROS)
    }

    fn lookup_names(&self) -> Vec<String> {
        self.names(LOOKUPS)
    }
}

/// Returns true if the name of a macro or lookup in a rule is a plain file name, which cannot lead
/// to another folder.
fn is_plain(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::sha256;
    use std::fs;

    fn write(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn content_is_taken_from_the_nearest_folder_with_any() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "macros/a.yml", "definition: outer\n");
        write(root, "detections/endpoint/x.yml", "");
        write(root, "inner/macros/a.yml", "definition: inner\n");
        write(root, "inner/rules/y.yml", "");
        let cache = ContentCache::default();
        for (rule, expected) in [("detections/endpoint/x.yml", "outer"), ("inner/rules/y.yml", "inner")] {
            let content = SiteContent::above(&root.join(rule), &cache);
            assert_eq!(content.macro_named("a").unwrap().unwrap().definition, expected);
            assert_eq!(content.macro_named("b").unwrap(), None);
            let files = content.into_files();
            assert_eq!(files.len(), 1);
            assert_eq!(files[0].file, "macros/a.yml");
            assert_eq!(files[0].sha256, sha256(format!("definition: {expected}\n").as_bytes()));
        }
    }

    #[test]
    fn content_may_be_one_folder_deeper() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, "detections/x.yml", "");
        // As in Splunk's content: the definition beside the CSV file, without the file's name in
        // it.
        write(root, "lookups/csv/tools.yml", "name: tools\nlookup_type: csv\n");
        write(root, "lookups/csv/tools.csv", "name,bad\nx,1\n");
        write(root, "lookups/above.yml", "filename: dated2026.csv\n");
        write(root, "lookups/csv/dated2026.csv", "name,bad\ny,1\n");
        write(root, "lookups/csv/plain.csv", "name,bad\nz,1\n");
        write(root, "lookups/a/b/deep.yml", "{}\n");
        write(root, "lookups/missing.yml", "{}\n");
        write(root, "macros/network/inner.yml", "definition: inner\n");
        write(root, "macros/network/both.yml", "definition: below\n");
        write(root, "macros/both.yaml", "definition: above\n");
        let cache = ContentCache::default();
        let content = SiteContent::above(&root.join("detections/x.yml"), &cache);
        for name in ["tools", "above", "plain.csv"] {
            assert!(content.lookup_named(name).unwrap().is_some(), "{name}");
        }
        assert!(content.lookup_named("deep").unwrap().is_none());
        assert!(content.lookup_named("missing").unwrap_err().to_string().contains("lookups/missing.csv"));
        assert_eq!(content.macro_named("inner").unwrap().unwrap().definition, "inner");
        assert_eq!(content.macro_named("both").unwrap().unwrap().definition, "above");
        assert_eq!(content.macro_names(), ["both", "both", "inner"]);
        assert_eq!(
            content.lookup_names(),
            ["above", "missing", "dated2026.csv", "plain.csv", "tools.csv", "tools"]
        );
        let files: Vec<String> = content.into_files().into_iter().map(|file| file.file).collect();
        assert_eq!(
            files,
            [
                "lookups/above.yml",
                "lookups/csv/dated2026.csv",
                "lookups/csv/plain.csv",
                "lookups/csv/tools.csv",
                "lookups/csv/tools.yml",
                "macros/both.yaml",
                "macros/network/inner.yml"
            ]
        );
    }

    #[test]
    fn names_cannot_lead_to_other_folders() {
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
        let content = SiteContent::above(&root.join("rules/x.yml"), &cache);
        assert_eq!(content.macro_named("../secret").unwrap(), None);
        assert_eq!(content.macro_named("../../secret").unwrap(), None);
        for (lookup, expected) in [
            ("b", "expected the name of a file in the same folder"),
            ("c", "the collection 'c'"),
            ("d", "one of the type 'kvstore'"),
            ("e", "e.csv"),
        ] {
            let error = content.lookup_named(lookup).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(content.lookup_named("f").unwrap().is_none());
    }
}
