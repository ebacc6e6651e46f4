//! Names of DNS queries, split into what somebody registered and the public suffix under which
//! registrations are sold or given away. This module decides by the name and by the public suffix
//! list alone; it makes no look-ups. It is the only user of the crate `psl`.
//!
//! Whoever makes a query chooses its name, so a name can be any text of any length. A text that is
//! not the name of a domain is not split. The labels before the registered domain can be any text,
//! because those who smuggle data through DNS put it there.

use std::borrow::Cow;

use psl::Psl;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::domain_name::{ascii_name, unicode_name};
use crate::base::letter_case::fold;

/// The public suffix list by which this version of dnsweep splits names. The list is compiled into
/// the crate `psl`. Each version of that crate has the list of the day on which it was published.
pub const PUBLIC_SUFFIX_LIST: PublicSuffixList = PublicSuffixList {
    source: Cow::Borrowed("crate psl"),
    version: Cow::Borrowed("2.1.247"),
    date: Cow::Borrowed("2026-11-05"),
};

/// The maximum number of characters of a domain's name, without the dot at its end.
const LONGEST_NAME: usize = 253;
/// The maximum number of characters of a label, which is a part of a name between two dots.
const LONGEST_LABEL: usize = 63;
/// What separates labels in a name that is not ASCII: the full stop, and the three other characters
/// that encode to one.
const FULL_STOPS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];
/// The prefix of a label that encodes, in Punycode, a label that is not ASCII.
const ENCODED: &str = "xn--";

/// Which version of the public suffix list names were split by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PublicSuffixList {
    /// Where the list was taken from: the Rust crate that contains it.
    pub source: Cow<'static, str>,
    /// The version of the source.
    pub version: Cow<'static, str>,
    /// The day (UTC) on which the source was published with the list of that day.
    pub date: Cow<'static, str>,
}

/// The name that a DNS query asked for, in lower case, with its public suffix and its registered
/// domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueriedName<'n> {
    /// The name in lower case, without the dot at its end.
    lower: Cow<'n, str>,
    /// The name with its Punycode labels (`xn--…`) in Unicode. `None` if the text is not the name
    /// of a domain, if no label is in Punycode, or if a label in Punycode is not valid.
    unicode: Option<String>,
    /// The last labels of the name, encoded in ASCII: all of them, or those after the last label
    /// that cannot be encoded. `None` if the name is ASCII already, or is not the name of a domain.
    ascii_end: Option<String>,
    ends: Option<Ends>,
}

/// The lengths, in bytes, of the public suffix and of the registered domain at the end of a name in
/// ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    public_suffix: usize,
    /// The length of the registered domain (the public suffix and the label before it), in bytes;
    /// `None` if the name is itself a public suffix.
    registered_domain: Option<usize>,
}

impl<'n> QueriedName<'n> {
    /// Splits the name that a DNS query asked for, as it was logged. The time that this takes is
    /// linear in the length of the name.
    #[must_use]
    pub fn new(name: &'n str) -> Self {
        let bare = name.strip_suffix('.').filter(|bare| !bare.is_empty()).unwrap_or(name);
        let lower = in_lower_case(bare);
        let mut queried = QueriedName { lower, unicode: None, ascii_end: None, ends: None };
        let Labels::OfDomain { any_encoded } = Labels::of(&queried.lower) else { return queried };
        if any_encoded {
            queried.unicode = unicode_name(&queried.lower);
        }
        if queried.lower.is_ascii() {
            queried.ends = ends(&queried.lower, Part::Whole);
        } else {
            let (end, part) = ascii_end(&queried.lower);
            queried.ends = ends(&end, part);
            queried.ascii_end = Some(end);
        }
        queried
    }

    /// Returns the name in lower case, without the dot at its end. Returns `None` if the name is
    /// empty. The name of the DNS root stays a dot.
    #[must_use]
    pub fn lower(&self) -> Option<&str> {
        Some(&*self.lower).filter(|name| !name.is_empty())
    }

    /// Returns the name in lower case with its encoded labels (`xn--…`) in Unicode. `None` if no
    /// label is encoded, or if an encoded label is not valid by UTS #46, Unicode's rules for names,
    /// for example because it hides control characters. Also `None` if the text is not the name of
    /// a domain.
    #[must_use]
    pub fn unicode(&self) -> Option<&str> {
        self.unicode.as_deref()
    }

    /// Returns the public suffix that the name ends with, in ASCII and lower case: the longest one
    /// in the public suffix list, whether a registry (such as `co.uk`) or somebody else (such as
    /// `github.io`) gives names away under it. `None` if the list has none, or if the text is not a
    /// name of a domain.
    #[must_use]
    pub fn public_suffix(&self) -> Option<&str> {
        self.end(self.ends?.public_suffix)
    }

    /// Returns the registered domain that the name belongs to, in ASCII and lower case: the public
    /// suffix and the label before it. `None` if there is no public suffix, or no label before it.
    #[must_use]
    pub fn registered_domain(&self) -> Option<&str> {
        self.end(self.ends?.registered_domain?)
    }

    /// Returns the last `length` bytes of the name in ASCII. `None` if the stored ASCII form, which
    /// can be only the last labels of the name, has fewer bytes.
    fn end(&self, length: usize) -> Option<&str> {
        let ascii = self.ascii_end.as_deref().unwrap_or(&self.lower);
        ascii.get(ascii.len().checked_sub(length)?..)
    }
}

/// Returns `name` in lower case, converted as by [`fold`]. Rules compare names in this form.
fn in_lower_case(name: &str) -> Cow<'_, str> {
    if !name.is_ascii() {
        fold(name).into()
    } else if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

/// Whether a text can be the name of a domain, judged by the number and the lengths of its labels.
enum Labels {
    /// The text can be the name of a domain: it has at least two labels, none is empty, and neither
    /// a label nor the whole is too long.
    OfDomain {
        /// True if at least one label begins with `xn--`, which means that it encodes a label that
        /// is not ASCII.
        any_encoded: bool,
    },
    /// The text is not the name of a domain: it is too long, has an empty label or one that is too
    /// long, or has only one label, as the names of machines in a local network have.
    Other,
}

impl Labels {
    fn of(name: &str) -> Self {
        // A character has at most four bytes, so most names need not be counted.
        let is_short = |text: &str, most: usize| {
            text.len() <= most || (text.len() <= 4 * most && text.chars().count() <= most)
        };
        if !is_short(name, LONGEST_NAME) {
            return Labels::Other;
        }
        let (mut labels, mut any_encoded) = (0, false);
        for label in name.split(FULL_STOPS) {
            if label.is_empty() || !is_short(label, LONGEST_LABEL) {
                return Labels::Other;
            }
            labels += 1;
            any_encoded |= label.starts_with(ENCODED);
        }
        if labels > 1 { Labels::OfDomain { any_encoded } } else { Labels::Other }
    }
}

/// Returns true if `name` is a public suffix, under which registries (such as those of `co.uk`) or
/// others (such as those of `github.io`) give names away. `name` must be in ASCII and lower case,
/// without a dot at its end.
#[must_use]
pub fn is_public_suffix(name: &str) -> bool {
    let found = psl::List.find(name.as_bytes().rsplit(|byte| *byte == b'.'));
    found.typ.is_some() && found.len == name.len()
}

/// Whether a text is a whole name, or only the last labels of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The text is the whole name.
    Whole,
    /// The text is the last labels of the name.
    End,
}

/// Returns the last labels of a name that is not ASCII, encoded in ASCII: all of them, or those
/// after the last label that cannot be encoded. The [`Part`] says which of the two it is.
fn ascii_end(name: &str) -> (String, Part) {
    let mut labels: Vec<Cow<'_, str>> = Vec::new();
    let mut part = Part::Whole;
    for label in name.rsplit(FULL_STOPS) {
        if label.is_ascii() {
            labels.push(label.into());
            continue;
        }
        let encoded = ascii_name(label);
        let Some(encoded) = encoded.filter(|label| label.len() <= LONGEST_LABEL && !label.contains('.'))
        else {
            part = Part::End;
            break;
        };
        labels.push(encoded.into());
    }
    labels.reverse();
    (labels.join("."), part)
}

/// Returns the lengths of the public suffix and the registered domain at the end of `name`, which
/// must be ASCII in lower case. `part` says whether `name` is a whole name, or only its last
/// labels. `None` if the public suffix list has no suffix for `name`, or if a label of the suffix
/// or of the registered domain is not one that a registry gives away. Also `None` if no label
/// precedes the suffix, and `name` is not a whole name.
fn ends(name: &str, part: Part) -> Option<Ends> {
    let found = psl::List.find(name.as_bytes().rsplit(|byte| *byte == b'.'));
    // A suffix without a type is the last label of a name for which the list has no rule.
    found.typ?;
    let (before, suffix) = name.split_at_checked(name.len().checked_sub(found.len)?)?;
    let label = before.strip_suffix('.').and_then(|before| before.rsplit('.').next());
    if !suffix.split('.').chain(label).all(is_label_of_host) {
        return None;
    }
    let registered_domain = label.map(|label| label.len() + 1 + found.len);
    // A label that could not be encoded may stand before the suffix.
    (registered_domain.is_some() || part == Part::Whole)
        .then_some(Ends { public_suffix: found.len, registered_domain })
}

/// Returns whether a label in lower case can be that of a host or of a registered domain: it
/// consists of letters, digits, hyphens and underscores, and begins and ends with a letter or
/// digit. Names of services, which begin with an underscore, are thus excluded.
fn is_label_of_host(label: &str) -> bool {
    let is_alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = label.as_bytes();
    is_alphanumeric(bytes.first())
        && is_alphanumeric(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// Returns a name in lower case, in Unicode, its registered domain and its public suffix.
    fn parts(name: &str) -> [Option<String>; 4] {
        let name = QueriedName::new(name);
        [name.lower(), name.unicode(), name.registered_domain(), name.public_suffix()]
            .map(|part| part.map(str::to_owned))
    }

    fn split(name: &str) -> (Option<String>, Option<String>) {
        let [_, _, registered, suffix] = parts(name);
        (registered, suffix)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }

    #[test]
    fn names_are_split_by_the_list() {
        for (name, registered, suffix) in [
            ("pastebin.com", "pastebin.com", "com"),
            ("CDN.Discordapp.COM.", "discordapp.com", "com"),
            ("www.example.co.uk", "example.co.uk", "co.uk"),
            // Somebody else than a registry gives away names under these.
            ("evil.github.io", "evil.github.io", "github.io"),
            ("a.b.evil.github.io", "evil.github.io", "github.io"),
            ("evil.duckdns.org", "evil.duckdns.org", "duckdns.org"),
            // The list has `*.ck`, but not `www.ck`; `*.kawasaki.jp`, but not `city.kawasaki.jp`.
            ("a.b.c.ck", "b.c.ck", "c.ck"),
            ("www.ck", "www.ck", "ck"),
            ("a.city.kawasaki.jp", "city.kawasaki.jp", "kawasaki.jp"),
            ("a.b.c.kawasaki.jp", "b.c.kawasaki.jp", "c.kawasaki.jp"),
            // Names that are public suffixes themselves.
            ("co.uk", "", "co.uk"),
            ("github.io", "", "github.io"),
            // Labels before the registered domain can be any text.
            ("_ldap._tcp.dc._msdcs.corp.example.com", "example.com", "com"),
            ("*.example.com", "example.com", "com"),
            ("two words.\u{1}\u{be}.t.example.com", "example.com", "com"),
            ("my_host.duckdns.org", "my_host.duckdns.org", "duckdns.org"),
        ] {
            assert_eq!(split(name), (some(registered), some(suffix)), "{name}");
        }
    }

    #[test]
    fn public_suffixes_are_told_from_names_under_them() {
        for name in ["com", "co.uk", "github.io", "c.ck", "xn--p1ai"] {
            assert!(is_public_suffix(name), "{name}");
        }
        for name in ["", "local", "corp.local", "example.com", "example.co.uk", "www.ck", "192.0.2.7"] {
            assert!(!is_public_suffix(name), "{name}");
        }
    }

    #[test]
    fn what_is_no_name_of_a_domain_is_not_split() {
        for name in [
            "",
            ".",
            "..",
            // The list has no such end.
            "dc1.corp.local",
            "host.lan",
            "file.txt",
            // Names of machines, some of which are also top-level domains.
            "WORKSTATION6",
            "dev",
            "com",
            "localhost.",
            "192.0.2.7",
            "::ffff:192.0.2.7",
            "fe80::1",
            ".example.com",
            "a..example.com",
            "example.com..",
            "example.com ",
            "example.com\n",
            "https://example.com",
            "https://www.example.com/",
            "user@example.com",
            "C:\\a\\b.com",
            "_tcp.com",
            "_ldap._tcp.com",
            "*.com",
            "-a.com",
            "<b>.ck",
            "\u{202e}.com",
            "\u{2488}.com",
        ] {
            assert_eq!(split(name), (None, None), "{name:?}");
        }
    }

    #[test]
    fn names_and_labels_have_a_longest_length() {
        let label = |length: usize| "a".repeat(length) + ".example.com";
        assert_eq!(split(&label(63)).0, some("example.com"));
        assert_eq!(split(&label(64)), (None, None));
        // The end has 11 characters.
        let name =
            |length: usize| "a".repeat((length - 11) % 2) + &"a.".repeat((length - 11) / 2) + "example.com";
        for (length, expected) in [(252, some("example.com")), (253, some("example.com")), (254, None)] {
            assert_eq!(name(length).len(), length);
            assert_eq!(split(&name(length)).0, expected, "{length}");
            assert_eq!(split(&(name(length) + ".")).0, expected, "{length}");
        }
        // Characters are counted, not bytes.
        assert_eq!(split(&("ü".repeat(40) + ".example.com")).0, some("example.com"));
    }

    #[test]
    fn encoded_labels_are_shown_in_unicode() {
        for (name, lower, unicode, registered) in [
            ("XN--Bcher-KVA.example.DE", "xn--bcher-kva.example.de", "bücher.example.de", "example.de"),
            ("www.xn--80ak6aa92e.com", "www.xn--80ak6aa92e.com", "www.аррӏе.com", "xn--80ak6aa92e.com"),
            (
                "_dmarc.xn--bcher-kva.xn--p1ai",
                "_dmarc.xn--bcher-kva.xn--p1ai",
                "_dmarc.bücher.рф",
                "xn--bcher-kva.xn--p1ai",
            ),
            // Not valid: no letters, a control character for the direction of text, plain ASCII,
            // and a label that would be encoded in another way.
            ("xn--.com", "xn--.com", "", ""),
            ("xn--zzzzzz.com", "xn--zzzzzz.com", "", "xn--zzzzzz.com"),
            ("xn--a-w1t.com", "xn--a-w1t.com", "", "xn--a-w1t.com"),
            ("xn--abc-.com", "xn--abc-.com", "", ""),
            // Logged in Unicode: nothing is to be decoded, and the list knows the encoded form.
            ("Bücher.DE", "bücher.de", "", "xn--bcher-kva.de"),
            ("a.пример.рф", "a.пример.рф", "", "xn--e1afmkfd.xn--p1ai"),
            ("a。пример｡рф", "a。пример｡рф", "", "xn--e1afmkfd.xn--p1ai"),
        ] {
            assert_eq!(parts(name)[..3], [some(lower), some(unicode), some(registered)], "{name}");
        }
        assert_eq!(parts("пример.рф")[3], some("xn--p1ai"));
        assert_eq!(split("\u{212a}.example.com").0, some("example.com"));
    }

    #[test]
    fn the_end_of_a_name_in_unicode_is_enough() {
        let label = "\u{fdfa}".repeat(40);
        assert_eq!(split(&format!("{label}.ü.example.com")).0, some("example.com"));
        assert_eq!(split(&format!("{label}.com")), (None, None));
        assert_eq!(split(&format!("{label}.ü.com")).0, some("xn--tda.com"));
    }

    #[test]
    fn a_long_name_takes_little_time() {
        let parts = ["a.", "xn--bcher-kva.", "ü.", "a", "\u{fdfa}", "xn--", ".", "\u{301}"];
        for part in parts {
            let name = part.repeat(100_000) + ".com";
            let start = Instant::now();
            assert_eq!(split(&name), (None, None), "{part}");
            assert!(start.elapsed() < Duration::from_secs(1), "{part}: {:?}", start.elapsed());
        }
    }

    #[test]
    fn the_version_of_the_list_is_that_of_the_crate() {
        let locked = include_str!("../../Cargo.lock");
        let version = format!("name = \"psl\"\nversion = \"{}\"\n", PUBLIC_SUFFIX_LIST.version);
        assert!(locked.contains(&version), "expected in Cargo.lock:\n{version}");
        let demanded = format!("\npsl = \"={}\"\n", PUBLIC_SUFFIX_LIST.version);
        assert!(include_str!("../../Cargo.toml").contains(&demanded), "expected in Cargo.toml:{demanded}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        /// Tests that the parts of a name are ends of it, whatever the name is.
        #[test]
        fn parts_are_ends_of_the_name(name in r"(([a-z_*\-]|xn--|com|co|uk|github|ü|ß|\u{202e}|\PC){0,5}[.。]){0,4}(com|co\.uk|github\.io|[a-zü]{1,3}|\PC*)\.?") {
            let queried = QueriedName::new(&name);
            let lower = queried.lower().unwrap_or_default();
            prop_assert_eq!(fold(lower), lower);
            if let Some(suffix) = queried.public_suffix() {
                prop_assert!(suffix.is_ascii() && !suffix.contains(".."));
                let ends = |text: &str, end: &str| text == end || text.ends_with(&format!(".{end}"));
                if lower.is_ascii() {
                    prop_assert!(ends(lower, suffix));
                }
                match queried.registered_domain() {
                    Some(registered) => {
                        let (_, rest) = registered.split_once('.').unwrap();
                        prop_assert_eq!(rest, suffix);
                        prop_assert!(!lower.is_ascii() || ends(lower, registered));
                        // The registered domain of a registered domain is itself.
                        let again = QueriedName::new(registered);
                        prop_assert_eq!(again.registered_domain(), Some(registered));
                    }
                    None if lower.is_ascii() => prop_assert_eq!(suffix, lower),
                    None => {}
                }
            } else {
                prop_assert_eq!(queried.registered_domain(), None);
            }
        }
    }
}
