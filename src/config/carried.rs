//! The configuration that a plan contains: everything that a sweep looks for, with the texts of its
//! rules. Processes on any machines make the same configuration of it, so that they can share the
//! sweep.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};

use super::content::ContentCache;
use super::content_folder::CarriedFolder;
use super::detections::Catalog;
use super::error::{CarriedError, RequestError, RulesError};
use super::exclusions::{ExclusionFile, exclusions};
use super::indicators::{MOST_LIST_BYTES, list};
use super::text::{MOST_BYTES, decoded_file};
use super::{
    Config, ExclusionStatus, InputDifference, LoadedDetection, NotRun, Partitions, ReportPage, Sweep,
    SweepInputs, passwords,
};
use crate::base::digest::sha256;
use crate::base::platform::files::read_named;
use crate::detect::{Detection, Placeholders};
use crate::event::{EventTime, Window};
use crate::evidence::discover::Unpacking;
use crate::evidence::spool::{DISK, SpoolPlace};

/// The greatest size in bytes of a file with a Splunk macro or lookup that becomes a part of a
/// plan. A plan says what a sweep looks for and where, so that several machines can share the
/// sweep.
const MOST_CONTENT_BYTES: u64 = 64 << 20;

/// The configuration of a sweep as a plan contains it, so that several machines can share the
/// sweep. It has the texts of all files that it was made of, except for the passwords.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CarriedConfig {
    /// The inputs of the sweep ([`SweepInputs`]) as JSON. A configuration that is made of the plan
    /// must have the same inputs.
    inputs: String,
    /// The period in which matches count, as points in time.
    pub window: Window,
    /// The files of the rules, in the order of the detections.
    rules: Vec<RuleFile>,
    /// The lists of indicators, in the order of the detections that are made of them. Their
    /// detections come after those of all rules.
    lists: Vec<CarriedList>,
    /// The folders with the Splunk macros and lookups that the rules use.
    folders: Vec<CarriedFolder>,
    /// The bytes of the file with values for the placeholders of Sigma rules; `None` if the user
    /// named none.
    placeholders: Option<Vec<u8>>,
    /// The files with exclusions, in the order in which the user gave them.
    exclusions: Vec<CarriedFile>,
    /// Whether each of the exclusions had expired when the plan was made. The machines that share
    /// the sweep use this, regardless of the day on which they read their shard of the evidence.
    statuses: Vec<ExclusionStatus>,
    /// The rules and files in directories of rules that are not run, with the reasons.
    not_run: NotRun,
}

/// A file, such as a rule file, whose bytes a plan contains (by which several machines share one
/// sweep), and the path that the file had.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct CarriedFile {
    /// The path of the file as typed where the plan was made, or `built in` for a rule of dnsweep.
    source: String,
    bytes: Vec<u8>,
}

/// A rule file in a plan (by which several machines share one sweep), and which of its rules the
/// sweep runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RuleFile {
    file: CarriedFile,
    /// The 0-based index, in the plan's list of folders, of the folder with the macros and lookups
    /// that the rules use; `None` if they use none.
    folder: Option<usize>,
    detections: Vec<RulePlace>,
}

/// A list of indicators (published names and addresses) in a plan, by which several machines share
/// one sweep.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct CarriedList {
    file: CarriedFile,
    /// The risk score of a match of the list; `None` if its matches have none.
    risk_score: Option<u32>,
}

/// Where a rule that the sweep runs is in its rule file, with the rule's id.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RulePlace {
    id: String,
    /// The line on which the rule begins, counted from 1.
    line: usize,
    /// The line that has the rule's id, counted from 1.
    id_line: usize,
}

/// What each process that works on a plan decides for itself, such as where the evidence lies, and
/// how much of the machine is used. By a plan, several machines share one sweep.
#[derive(Debug, Clone, Default)]
pub struct Local {
    /// The roots of the evidence, as absolute paths.
    pub roots: Vec<PathBuf>,
    /// The file with passwords for encrypted archives, which a plan does not carry.
    pub passwords: Option<PathBuf>,
    /// The disk space for unpacked copies of files in archives, in bytes; `None` for 64 GiB.
    pub spool_limit: Option<u64>,
    /// Whether the output directory of `dnsweep merge` gets `report.html`, an HTML page that shows
    /// the results to people.
    pub page: ReportPage,
    /// Whether an output directory also has the tables of matches and of leads (queries of Windows'
    /// own DNS client that a detection describes), divided by host.
    pub partitions: Partitions,
    /// The number of threads that decode records; `None` for one on each core.
    pub threads: Option<NonZeroUsize>,
    /// The number of threads that may list folders or read at the same time; `None` for all
    /// threads.
    pub readers: Option<NonZeroUsize>,
}

impl CarriedConfig {
    /// Collects what a plan must contain, so that other processes that share the sweep look for the
    /// same as `config`, which was made of `request`. `roots` are the absolute paths of the roots.
    /// It is an error if a file that `config` was made of can no longer be read, or has changed
    /// meanwhile.
    pub fn of(request: &Sweep, config: &Config, roots: &[PathBuf]) -> Result<Self, RequestError> {
        let (rules, folders) = rule_files(&config.detections)?;
        let lists = lists(&config.detections)?;
        let placeholders = request.placeholders.as_deref().map(|path| {
            carried(path, MOST_BYTES, |sha256| sha256 == config.placeholders_sha256).map(|file| file.bytes)
        });
        let exclusions = request.exclusions.iter().map(|path| {
            let is_loaded = |sha256: &str| config.exclusions.iter().any(|loaded| loaded.sha256 == sha256);
            carried(path, MOST_BYTES, is_loaded)
        });
        Ok(CarriedConfig {
            inputs: config.inputs(roots).to_json(),
            window: config.window,
            rules,
            lists,
            folders,
            placeholders: placeholders.transpose()?,
            exclusions: exclusions.collect::<Result<_, _>>()?,
            statuses: config.exclusions.iter().map(|loaded| loaded.status).collect(),
            not_run: config.not_run.clone(),
        })
    }

    /// Returns the inputs of the sweep for which the plan was made. It is an error if another
    /// version of dnsweep made the plan, because this version may find something else.
    pub fn inputs(&self) -> Result<SweepInputs, CarriedError> {
        let inputs = serde_json::from_str::<SweepInputs>(&self.inputs);
        let inputs = inputs.map_err(|error| CarriedError::Version(error.to_string()))?;
        let own = env!("CARGO_PKG_VERSION");
        if inputs.version == own { Ok(inputs) } else { Err(CarriedError::Version(inputs.version)) }
    }

    /// Returns the first respect in which this configuration looks for something else than `first`;
    /// `None` if both look for the same. The evidence and the passwords may differ.
    pub fn differs_from(&self, first: &CarriedConfig) -> Result<Option<InputDifference>, CarriedError> {
        let sought = |carried: &CarriedConfig| {
            let (evidence, passwords) = (Vec::new(), String::new());
            Ok::<_, CarriedError>(SweepInputs { evidence, passwords, ..carried.inputs()? })
        };
        if let Some(difference) = sought(self)?.differs_from(&sought(first)?.to_json()) {
            return Ok(Some(difference));
        }
        let period = |window: Window| {
            let bound = |time: Option<EventTime>| time.map_or_else(|| "open".to_owned(), EventTime::rfc3339);
            format!("{} to {}", bound(window.since), bound(window.until.or(window.ends)))
        };
        Ok((self.window != first.window).then(|| InputDifference {
            what: "the period, which counts back from when a sweep began".to_owned(),
            first: period(first.window),
            second: period(self.window),
        }))
    }

    /// Makes the configuration that the plan carries. `local` has what this process decides itself.
    /// If `local` has no file of passwords, the configuration has no passwords, even if the plan
    /// was made with some. It is an error if the passwords differ from those of the plan, or if
    /// this version of dnsweep reads the files in the plan differently from the version that made
    /// it.
    pub fn config(&self, local: Local) -> Result<Config, RequestError> {
        let inputs = self.inputs()?;
        let carried_placeholders = self.placeholders.as_deref().map(placeholders).transpose()?;
        let (placeholders, placeholders_sha256) = carried_placeholders.unwrap_or_default();
        let detections = self.detections(&placeholders)?;
        let files = self.exclusions.iter().map(CarriedFile::exclusions).collect::<Result<_, _>>()?;
        let status = |place: usize| self.statuses.get(place).copied().unwrap_or(ExclusionStatus::Expired);
        let exclusions = exclusions(files, &detections, |place, _| status(place))?;
        let read = local.passwords.as_deref().map(passwords).transpose()?;
        let (passwords, passwords_sha256) = read.unwrap_or_else(|| (Vec::new(), inputs.passwords.clone()));
        let spool = SpoolPlace { limit: local.spool_limit.unwrap_or(DISK), ..SpoolPlace::default() };
        let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let config = Config {
            roots: local.roots,
            options: inputs.options.clone(),
            detections,
            placeholders_sha256,
            not_run: self.not_run.clone(),
            exclusions,
            unpacking: Unpacking { passwords, spool },
            passwords_sha256,
            window: self.window,
            period: inputs.period.clone(),
            page: local.page,
            partitions: local.partitions,
            threads: local.threads.unwrap_or_else(cores),
            readers: local.readers,
            part: None,
        };
        let made = SweepInputs { evidence: inputs.evidence.clone(), ..config.inputs(&[]) };
        match made.differs_from(&self.inputs) {
            None => Ok(config),
            Some(difference) => Err(CarriedError::Difference(difference).into()),
        }
    }

    /// Compiles the rules and the lists of indicators in the plan to detections. `placeholders` has
    /// the values for the placeholders of Sigma rules.
    fn detections(&self, placeholders: &Placeholders) -> Result<Vec<LoadedDetection>, RulesError> {
        let cache = ContentCache::default();
        let mut loaded = Vec::new();
        for RuleFile { file, folder, detections } in &self.rules {
            let folder = folder.and_then(|folder| self.folders.get(folder));
            loaded.extend(Catalog::carried(
                (&file.source, &file.bytes),
                (folder, &cache),
                placeholders,
                detections.iter().map(|place| (place.id.as_str(), [place.line, place.id_line])),
            )?);
        }
        for CarriedList { file, risk_score } in &self.lists {
            loaded.push(list(&file.source, file.bytes.clone(), *risk_score)?);
        }
        Ok(loaded)
    }
}

impl CarriedFile {
    fn exclusions(&self) -> Result<ExclusionFile, CarriedError> {
        let text = decoded_file((&self.bytes).into());
        let text = text.map_err(|error| CarriedError::file(&self.source, &error))?;
        Ok(ExclusionFile { source: self.source.clone(), text })
    }
}

fn placeholders(bytes: &[u8]) -> Result<(Placeholders, String), CarriedError> {
    let wrong = |reason: &dyn std::fmt::Display| CarriedError::file("--placeholders", reason);
    let text = decoded_file(bytes.into()).map_err(|error| wrong(&error))?;
    Ok((Placeholders::from_yaml(&text.text).map_err(|error| wrong(&error))?, text.sha256))
}

/// Reads the rule files of these detections, and the macros and lookups that the rules use. Returns
/// the rule files, and the folders with the macros and lookups. Lists of indicators are left out.
fn rule_files(detections: &[LoadedDetection]) -> Result<(Vec<RuleFile>, Vec<CarriedFolder>), CarriedError> {
    let (mut rules, mut folders) = (Vec::<RuleFile>::new(), Vec::<CarriedFolder>::new());
    for loaded in detections.iter().filter(|loaded| loaded.detection.indicators.is_none()) {
        let LoadedDetection { detection, source, line, id_line, content, .. } = loaded;
        let place = RulePlace { id: detection.id.clone(), line: *line, id_line: *id_line };
        if let Some(known) = rules.last_mut().filter(|known| known.file.source == *source) {
            known.detections.push(place);
            continue;
        }
        let folder = content.first().map(|first| {
            folders.iter().position(|known| known.path == first.folder).unwrap_or_else(|| {
                folders.push(CarriedFolder { path: first.folder.clone(), files: BTreeMap::new() });
                folders.len() - 1
            })
        });
        for used in content {
            let folder = folder.and_then(|folder| folders.get_mut(folder));
            let files = &mut folder.expect("a file that is used has a folder").files;
            if !files.contains_key(&used.file) {
                let path = used.folder.join(&used.file);
                let file = carried(&path, MOST_CONTENT_BYTES, |sha256| sha256 == used.sha256)?;
                files.insert(used.file.clone(), file.bytes);
            }
        }
        rules.push(RuleFile { file: rule_file(loaded)?, folder, detections: vec![place] });
    }
    Ok((rules, folders))
}

/// Reads the files of those detections that are lists of indicators.
fn lists(detections: &[LoadedDetection]) -> Result<Vec<CarriedList>, CarriedError> {
    let lists = detections.iter().filter(|loaded| loaded.detection.indicators.is_some());
    let carry = |LoadedDetection { source, sha256: loaded, detection, .. }: &LoadedDetection| {
        let file = carried(Path::new(source), MOST_LIST_BYTES, |sha256| sha256 == loaded)?;
        Ok(CarriedList { file, risk_score: detection.risk_score })
    };
    lists.map(carry).collect()
}

fn rule_file(
    LoadedDetection { source, sha256: loaded, .. }: &LoadedDetection,
) -> Result<CarriedFile, CarriedError> {
    let built_in = Detection::seed_text().as_bytes();
    if *loaded == sha256(built_in) {
        return Ok(CarriedFile { source: source.clone(), bytes: built_in.to_vec() });
    }
    carried(Path::new(source), MOST_BYTES, |sha256| sha256 == loaded)
}

/// Reads a file of at most `most` bytes, whose bytes a plan will contain. It is an error if the
/// file has changed since it was loaded, which is so if `is_loaded` returns false for its SHA-256.
fn carried(path: &Path, most: u64, is_loaded: impl Fn(&str) -> bool) -> Result<CarriedFile, CarriedError> {
    let source = path.display().to_string();
    let bytes = read_named(path, most).map_err(|error| CarriedError::file(&source, &error))?;
    if is_loaded(&sha256(&bytes)) {
        Ok(CarriedFile { source, bytes })
    } else {
        Err(CarriedError::file(
            &source,
            &"expected a file that can be read twice, found other bytes than before",
        ))
    }
}
