//! What was typed, resolved once to what will be done. Every usage error is found here, before any
//! evidence is opened or anything written.

use std::io;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use super::arguments::SweepArguments;
use crate::base::path_text::path_text;
use crate::base::platform::files::{MOST_LIST_BYTES, MOST_PATH_BYTES, all_of, read_named};
use crate::config::{
    Catalog, Config, Decoding, ExcludedRows, Hashing, Leads, LoadedDetection, LoadedExclusion, NotRun,
    OnMatch, exclusions,
};
use crate::error::SweepError;
use crate::event::{EventTime, Window, parse_instant, parse_span_back};
use crate::evidence::discover::{Links, Names, Others, Search, resolve_roots};
use crate::output::{Access, Earlier, prepare};
use crate::scan::{Checksums, Recovery};

/// Of how many refused rules a message says why.
const MOST_REASONS: usize = 3;

impl Config {
    /// Resolves what was typed. `now` is what spans count back from.
    pub fn resolve(arguments: &SweepArguments, now: EventTime) -> Result<Self, SweepError> {
        let window = window(arguments, now)?;
        let mut catalog = Catalog::load(&arguments.detection, arguments.placeholders.as_deref())?;
        if !arguments.dns_client {
            catalog.without_dns_client(&arguments.detection)?;
        }
        let Catalog { detections, not_run, placeholders_sha256, .. } = catalog;
        if arguments.strict {
            check_that_all_run(&detections, &not_run)?;
        }
        let exclusions = exclusions(&arguments.allow, &detections, now)?;
        let mut roots = arguments.evidence.clone();
        if let Some(list) = &arguments.files_from {
            roots.extend(listed_paths(list)?);
        }
        let search = Search {
            links: if arguments.follow { Links::Follow } else { Links::Ignore },
            names: if arguments.any_name { Names::Any } else { Names::EventLogs },
            others: if arguments.carve { Others::Carve } else { Others::PassOver },
            evidence_depth: arguments.evidence_depth,
            roots,
        };
        let roots = resolve_roots(&search.roots)?;
        let earlier = match (arguments.resume, arguments.force) {
            (true, _) => Earlier::Resume,
            (false, true) => Earlier::Discard,
            (false, false) => Earlier::Refuse,
        };
        let order = order(arguments, &roots, &detections, &placeholders_sha256, &exclusions);
        let access = if arguments.readable { Access::Others } else { Access::Owner };
        let output = prepare(&arguments.out, &roots, arguments.force, earlier, access)?;
        Ok(Config {
            search,
            detections,
            not_run,
            exclusions,
            excluded_rows: if arguments.keep_excluded { ExcludedRows::Kept } else { ExcludedRows::Dropped },
            leads: if arguments.dns_client { Leads::DnsClient } else { Leads::None },
            window,
            output,
            order,
            threads: threads(arguments.threads),
            readers: arguments.readers.and_then(|readers| NonZeroUsize::new(usize::from(readers))),
            recovery: if arguments.recover { Recovery::Stale } else { Recovery::Live },
            checksums: if arguments.checksums { Checksums::All } else { Checksums::Needed },
            decoding: if arguments.exhaustive { Decoding::Exhaustive } else { Decoding::Selected },
            hashing: if arguments.hash { Hashing::Sha256 } else { Hashing::None },
            on_match: if arguments.fail_on_match { OnMatch::Fail } else { OnMatch::Ignore },
        })
    }
}

/// Whoever asks for it shall not get the answer of some of the rules for that of all.
fn check_that_all_run(detections: &[LoadedDetection], not_run: &NotRun) -> Result<(), SweepError> {
    match not_run.refused.len() {
        0 => Ok(()),
        refused => Err(SweepError::Strict {
            refused,
            rules: detections.len() + refused,
            reasons: not_run.first_reasons(MOST_REASONS),
        }),
    }
}

/// Everything that was ordered and that the tables depend on, by name. Times are as typed: a span
/// back from now stays what it is.
fn order(
    arguments: &SweepArguments,
    roots: &[PathBuf],
    detections: &[LoadedDetection],
    placeholders_sha256: &str,
    exclusions: &[LoadedExclusion],
) -> Vec<(&'static str, String)> {
    let typed = |text: &Option<String>| text.clone().unwrap_or_default();
    let roots: Vec<String> = roots.iter().map(|root| path_text(root)).collect();
    let detections: Vec<String> = detections.iter().map(LoadedDetection::order).collect();
    vec![
        ("version of dnsweep", env!("CARGO_PKG_VERSION").to_owned()),
        ("evidence", roots.join("\n")),
        ("detections", detections.join("\n")),
        ("--placeholders", placeholders_sha256.to_owned()),
        ("--allow", exclusions.iter().map(LoadedExclusion::order).collect::<Vec<_>>().join("\n")),
        ("--keep-excluded", arguments.keep_excluded.to_string()),
        ("--dns-client", arguments.dns_client.to_string()),
        ("--since", typed(&arguments.since)),
        ("--until", typed(&arguments.until)),
        ("--last", typed(&arguments.last)),
        ("--evidence-depth", arguments.evidence_depth.map(|depth| depth.to_string()).unwrap_or_default()),
        ("--follow", arguments.follow.to_string()),
        ("--any-name", arguments.any_name.to_string()),
        ("--exhaustive", arguments.exhaustive.to_string()),
        ("--checksums", arguments.checksums.to_string()),
        ("--hash", arguments.hash.to_string()),
        ("--recover", arguments.recover.to_string()),
        ("--carve", arguments.carve.to_string()),
    ]
}

fn window(arguments: &SweepArguments, now: EventTime) -> Result<Window, SweepError> {
    let time = |option, text: &Option<String>, parse: fn(&str, EventTime) -> _| {
        let parsed = text.as_deref().map(|text| parse(text, now)).transpose();
        parsed.map_err(|source| SweepError::Time { option, source })
    };
    let since = time("--since", &arguments.since, parse_instant)?;
    let last = time("--last", &arguments.last, parse_span_back)?;
    let until = time("--until", &arguments.until, parse_instant)?;
    let ends = last.filter(|_| until.is_none()).map(|_| now);
    let window = Window { since: since.or(last), until, ends };
    match window {
        Window { since: Some(since), until: Some(until), .. } if since > until => {
            Err(SweepError::EmptyWindow)
        }
        window => Ok(window),
    }
}

/// The paths in a list: separated by NULs if it holds one, by line ends otherwise.
pub(crate) fn listed_paths(list: &Path) -> Result<Vec<PathBuf>, SweepError> {
    let read = if list == Path::new("-") {
        all_of(io::stdin().lock(), MOST_LIST_BYTES)
    } else {
        read_named(list, MOST_LIST_BYTES)
    };
    let wrong = |source| SweepError::FilesFrom { path: list.to_path_buf(), source };
    let bytes = read.map_err(wrong)?;
    let separator = if bytes.contains(&0) { 0 } else { b'\n' };
    let paths = bytes.split(|byte| *byte == separator).map(|path| match path {
        // A list written on Windows ends its lines with two characters.
        [path @ .., b'\r'] if separator == b'\n' => path,
        path => path,
    });
    let path = |(place, path): (usize, &[u8])| {
        if path.len() > MOST_PATH_BYTES {
            return Err(wrong(io::Error::other(format!(
                "path {place} of the list: expected at most {MOST_PATH_BYTES} bytes, found {}",
                path.len()
            ))));
        }
        Ok(PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())))
    };
    (1..).zip(paths).filter(|(_, path)| !path.is_empty()).map(path).collect()
}

/// As many threads as were asked for, or one for each core.
pub(crate) fn threads(typed: Option<u16>) -> NonZeroUsize {
    typed
        .and_then(|threads| NonZeroUsize::new(usize::from(threads)))
        .unwrap_or_else(|| available_parallelism().unwrap_or(NonZeroUsize::MIN))
}
