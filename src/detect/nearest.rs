//! Suggestions for misspelt names, such as keys of a rule file or commands of a search. This is the
//! only user of the crate `strsim`.

use strsim::osa_distance;

/// The number of letters that a misspelt name must have for each mistake in it, so a name of six
/// letters may have two. A name with fewer letters than this may still have one mistake. A mistake
/// is a letter that is wrong, missing, extra or swapped with the next.
const LETTERS_FOR_EACH_SLIP: usize = 3;

/// Returns the known name that is closest to `name`, to suggest it in an error message; `None` if
/// no known name is close. Case does not count.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let most = (name.chars().count() / LETTERS_FOR_EACH_SLIP).max(1);
    let distances = known.into_iter().map(|known| (osa_distance(&name, &known.to_lowercase()), known));
    distances
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns the end of an error message about an unknown name, such as `; did you mean 'title'?`.
/// The text is empty if no known name is close.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|known| format!("; did you mean '{known}'?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelling_is_recognised_and_another_word_is_not() {
        let known = ["QueryName", "QueryStatus", "Image", "User"];
        for (name, expected) in [
            ("QeuryName", Some("QueryName")),
            ("queryname", Some("QueryName")),
            ("QueryNames", Some("QueryName")),
            ("QueryStatu", Some("QueryStatus")),
            ("Imgae", Some("Image")),
            ("Usr", Some("User")),
            ("CommandLine", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(suggestion("Usr", known), "; did you mean 'User'?");
        assert_eq!(suggestion("x", known), "");
    }
}
