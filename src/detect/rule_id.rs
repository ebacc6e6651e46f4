//! Ids of rules: how an id is read from a rule file, and how ids are compared.

/// The number of hexadecimal digits in each of the five parts of a UUID, which hyphens separate.
const UUID_PARTS: [usize; 5] = [8, 4, 4, 4, 12];

/// Returns the id of a rule, without the blanks and braces around it. `text` is the id as the rule
/// file states it. `None` if nothing is left.
pub(super) fn stated_id(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text).trim();
    (!inner.is_empty()).then(|| inner.to_owned())
}

/// Returns the form of a rule's id in which ids are compared: a UUID in lower case, any other id
/// unchanged.
#[must_use]
pub fn canonical_id(id: &str) -> String {
    if is_uuid(id) { id.to_ascii_lowercase() } else { id.to_owned() }
}

/// Returns true if a rule's id has the form of a UUID with hyphens, in either case.
fn is_uuid(id: &str) -> bool {
    let parts = || id.split('-');
    parts().map(str::len).eq(UUID_PARTS)
        && parts().all(|part| part.chars().all(|digit| digit.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_and_blanks_around_an_id_are_removed() {
        for (text, expected) in [
            ("a-1", Some("a-1")),
            (" {065CCEEA-77ec-4030-9052-fc0affea7110} ", Some("065CCEEA-77ec-4030-9052-fc0affea7110")),
            ("{a", Some("{a")),
            ("", None),
            ("  ", None),
            ("{}", None),
        ] {
            assert_eq!(stated_id(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_case_of_uuids_does_not_count() {
        let upper = "065CCEEA-77EC-4030-9052-FC0AFFEA7110";
        assert_eq!(canonical_id(upper), upper.to_lowercase());
        for other in ["Rule", "065CCEEA-77EC-4030-9052-FC0AFFEA711", "065CCEEX-77EC-4030-9052-FC0AFFEA7110"] {
            assert_eq!(canonical_id(other), other);
        }
    }
}
