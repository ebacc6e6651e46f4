//! All code that needs Unix, and the description of this machine for `run.json`. A port to another
//! system changes only this folder. This module is the only user of the crate `rustix` and of
//! `std::os`.

mod access;
pub(crate) mod files;
pub(crate) mod metadata;
mod names;
#[cfg(feature = "cli")]
pub(crate) mod signals;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

pub use self::access::Access;
pub(crate) use self::access::open_own;
#[cfg(feature = "cli")]
pub(crate) use self::names::path_of_bytes;
pub(crate) use self::names::{name_bytes, path_as_bytes};
use super::path_text::path_text;

/// The machine that a sweep ran on, as the description of the sweep in its output (`run.json`)
/// records it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The machine's host name.
    pub name: String,
    /// The operating system's name, such as `Linux`.
    pub system: String,
    /// The operating system's release, such as `6.8.0-45-generic`.
    pub release: String,
    /// The build of the operating system's release, such as `#45-Ubuntu SMP`.
    pub version: String,
    /// The processor's architecture, such as `x86_64`.
    pub architecture: String,
}

/// Returns the effective user ID of this process.
#[must_use]
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Raises the limit on open files of this process to `files` or, if that is less, to the most that
/// the system allows. A limit that is already high enough is kept. Returns the limit that now
/// applies.
pub(crate) fn allow_open_files(files: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.current.unwrap_or(u64::MAX);
    if allowed >= files {
        return allowed;
    }
    let raised = limit.maximum.map_or(files, |most| most.min(files));
    let outcome = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit });
    outcome.map_or(allowed, |()| raised)
}

/// The description of this machine, as the operating system reports it.
#[must_use]
pub fn machine() -> Machine {
    let system = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Machine {
        name: text(system.nodename()),
        system: text(system.sysname()),
        release: text(system.release()),
        version: text(system.version()),
        architecture: text(system.machine()),
    }
}

/// Returns the current directory, to which paths on the command line are relative, as text. `None`
/// if it cannot be determined, for example because it was removed.
#[must_use]
pub fn working_directory() -> Option<String> {
    std::env::current_dir().ok().map(|path| path_text(&path))
}
