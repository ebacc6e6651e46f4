//! The known name that a misspelt one is nearest to. The only user of `strsim`.

use strsim::osa_distance;

/// A name counts as near if at most one letter in this many is wrong, missing or extra.
const LETTERS_FOR_EACH_SLIP: usize = 3;

/// The known name that `name` most probably stands for; `None` where none is near. Case does not
/// count.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let most = (name.chars().count() / LETTERS_FOR_EACH_SLIP).max(1);
    let distances = known.into_iter().map(|known| (osa_distance(&name, &known.to_lowercase()), known));
    distances
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// What a message adds after a name that is not known: `; did you mean 'title'?`, or nothing.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|known| format!("; did you mean '{known}'?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_seen_and_another_word_is_not() {
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
