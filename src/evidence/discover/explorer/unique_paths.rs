//! Gives each file in a container a path of its own, although archives can contain several files
//! with equal paths.

use std::collections::HashMap;

/// The paths that [`UniquePaths::give`] has given to files in containers so far. The key is a path.
/// The value is the number that was last put after this path, with `@`, for a further file that has
/// the path in its container. The value is 1 if no number was put after the path yet.
#[derive(Debug, Default)]
pub(super) struct UniquePaths(HashMap<String, u64>);

impl UniquePaths {
    /// Returns a path that no other file in a container was given. It is the file's own path,
    /// `path`, or, if another file was given that path already, `path` with `@` and a number: the
    /// second file gets `path@2`. A number is passed over if another file was given the resulting
    /// path.
    pub(super) fn give(&mut self, path: String) -> String {
        let Some(tried) = self.0.get(&path).copied() else {
            self.0.insert(path.clone(), 1);
            return path;
        };
        let mut number = tried + 1;
        let mut unique = format!("{path}@{number}");
        while self.0.contains_key(&unique) {
            number += 1;
            unique = format!("{path}@{number}");
        }
        // The next file with this path need not try these numbers again.
        self.0.insert(path, number);
        self.0.insert(unique.clone(), 1);
        unique
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_files_get_the_same_path_whatever_an_archive_calls_them() {
        let mut paths = UniquePaths::default();
        let given: Vec<String> = ["x", "x@3", "x", "x", "x@2", "y", "x"]
            .into_iter()
            .map(|path| paths.give(path.to_owned()))
            .collect();
        assert_eq!(given, ["x", "x@3", "x@2", "x@4", "x@2@2", "y", "x@5"]);
    }
}
