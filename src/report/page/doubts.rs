//! Remarks on what limits the trust in a match: characters in its texts that deceive or act where
//! they are shown, a damaged log, a deleted record.

use super::found::Found;
use super::texts::{TextId, Texts};

/// What Sysmon logs in place of the path of a program that it does not know.
const UNKNOWN_PROCESS: &str = "<unknown process>";

/// Returns a remark for readers of the page if the queried name, the path of the program or the
/// account of a match contains characters that do harm where they are shown, such as control
/// characters; `None` if none does. An attacker who makes a query can choose these texts.
pub(super) fn odd(names: [TextId; 3], texts: &mut Texts) -> Option<TextId> {
    let has = |ids: &[TextId], is: fn(char) -> bool| ids.iter().any(|id| texts.text(*id).contains(is));
    let [name, image, _] = names;
    let image = if texts.text(image) == UNKNOWN_PROCESS { name } else { image };
    let turns = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let odd = if has(&names, char::is_control) || has(&names, turns) {
        "contains control characters, which no real name has: perhaps planted to deceive whoever reads it"
    } else if has(&[name, image], |letter| matches!(letter, '<' | '>')) {
        "contains < or >, which no real name has: perhaps planted to act in a browser"
    } else {
        return None;
    };
    texts.id(odd)
}

/// Returns a text on what limits the trust in a match, such as `deleted record (own values)`;
/// `None` if nothing does.
pub(super) fn doubt(found: &Found, texts: &mut Texts) -> Option<TextId> {
    match (texts.text(found.recovered_from), texts.text(found.integrity)) {
        ("", "verified") => None,
        ("", integrity) => texts.id(&format!("record {integrity}")),
        (from, _) => texts.id(&format!("deleted record ({from})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_act_are_odd_and_foreign_ones_are_not() {
        let odd = |name: &str, image: &str| {
            let mut texts = Texts::default();
            let names = [name, image, "CORP\\u"].map(|text| texts.id(text).expect("there is room"));
            odd(names, &mut texts).map(|id| texts.text(id).to_owned())
        };
        for (name, image) in
            [("example.com", UNKNOWN_PROCESS), ("bücher.example", "C:\\Users\\Zoe\u{308}\\a.exe")]
        {
            assert_eq!(odd(name, image), None);
        }
        for (name, image, expected) in [
            ("\u{1b}[2Jexample.com", "a.exe", "control characters"),
            ("example.com", "C:\\exe.\u{202e}txt", "control characters"),
            ("example.com", "C:\\<script>.exe", "< or >"),
            ("a<b", UNKNOWN_PROCESS, "< or >"),
        ] {
            let odd = odd(name, image).expect("a remark");
            assert!(odd.contains(expected), "{name:?} {image:?}: {odd}");
        }
    }
}
