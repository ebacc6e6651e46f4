//! One indicator of a list: a name, a pattern for names, an address or a network, in the forms in
//! which lists and reports write them.

use std::borrow::Cow;

use crate::base::byte_search::find;
use crate::detect::predicate::listed::NamePattern;
use crate::detect::predicate::network::Network;
use crate::event::ascii_name;

/// The maximum number of characters of a domain name in DNS, without a full stop at its end.
const MOST_NAME: usize = 253;
/// The maximum number of characters of a label, which is a part of a domain name between full
/// stops.
const MOST_LABEL: usize = 63;
/// The least length, in characters, of the longest literal text between the wildcards of a pattern.
/// A pattern with only shorter literals is refused: it would match too many names, and would have
/// to be compared with every name.
const LEAST_LITERAL: usize = 3;
/// The maximum number of bytes of an entry of a list of indicators. A longer entry is not
/// understood. The longest URLs that programs accept are shorter.
const MOST_ENTRY: usize = 8192;
/// The maximum number of characters of a network: an IPv6 address that ends with an IPv4 address,
/// and a prefix length, such as `/128`.
const MOST_NETWORK: usize = 49;
/// The smallest number of characters with which an entry of hexadecimal digits alone is refused as
/// the hash of a file, and not read as a domain name.
const LEAST_HASH: usize = 32;
/// The maximum number of characters of a bad entry that an error message shows.
const MOST_SHOWN: usize = 80;

/// What an entry of a list of indicators describes: certain names that a query asks for, or certain
/// addresses in an answer. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum Indicator {
    /// A domain name and all names below it: `evil.example` also describes `www.evil.example`.
    Name(String),
    /// A domain name without the names below it.
    ExactName(String),
    /// All names below a domain name, without the name itself.
    Below(String),
    /// The names that match a pattern.
    Pattern(NamePattern),
    /// An address, or a network of addresses, that is looked for in the answer to a DNS query.
    Network(Network),
}

/// The form in which a list of indicators states a name or an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Form {
    /// The entry is the name, pattern, address or network itself, perhaps with a port.
    Plain,
    /// The entry is a URL, or a host with a path. Only the host is used.
    Url,
}

/// Parses an entry of a list of indicators. Returns what the entry describes, and whether it is a
/// URL. The error says what was expected and what was found.
pub(in crate::detect) fn indicator(text: &str) -> Result<(Indicator, Form), String> {
    match plain_name(text).map(Indicator::Name).or_else(|| plain_network(text)) {
        Some(plain) => Ok((plain, Form::Plain)),
        None => in_any_form(text),
    }
}

/// Parses an entry that is an address or a network without a port, a path or marks such as `[.]`,
/// which is the form of most entries for addresses. `None` for any other entry, and for a network
/// of all addresses.
fn plain_network(text: &str) -> Option<Indicator> {
    let is_known = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':' | b'/');
    let network = Some(text).filter(|text| text.len() <= MOST_NETWORK && text.bytes().all(is_known))?;
    of_network(Network::read(network)?, text).ok()
}

/// Returns an entry in lower case if it is an ASCII domain name of two labels or more that ends
/// with a letter, which is the form of most entries for names. `None` for any other entry.
fn plain_name(text: &str) -> Option<String> {
    // All bytes are looked at, so that the processor compares several at a time.
    let is_known = |byte: &u8| byte.is_ascii_alphanumeric() | matches!(byte, b'.' | b'-' | b'_');
    if text.len() > MOST_NAME || !text.as_bytes().iter().fold(true, |all, byte| all & is_known(byte)) {
        return None;
    }
    let (mut labels, mut rest) = (1, text.as_bytes());
    while let Some(dot) = find(b'.', rest) {
        if !(1..=MOST_LABEL).contains(&dot) {
            return None;
        }
        (labels, rest) = (labels + 1, rest.get(dot + 1..)?);
    }
    // A name that ends with a digit may be an address.
    let ends = rest.last().is_some_and(u8::is_ascii_alphabetic) && rest.len() <= MOST_LABEL;
    (labels > 1 && ends).then(|| text.to_ascii_lowercase())
}

/// Parses an entry of a list in any form: a name, address, network or URL, with or without a port,
/// or a pattern. A `=` before a name means the name without those below it. Marks such as `[.]`, by
/// which reports keep a name from being a link, become the plain character. The error says what was
/// expected and what was found.
fn in_any_form(text: &str) -> Result<(Indicator, Form), String> {
    if text.len() > MOST_ENTRY {
        return Err(expected(&format!("an indicator of at most {MOST_ENTRY} bytes"), text));
    }
    let fanged = refanged(text);
    if let Some(name) = fanged.strip_prefix('=') {
        return Ok((Indicator::ExactName(name_of(undotted(name.trim()), text)?), Form::Plain));
    }
    if let Some((_, after)) = scheme(&fanged) {
        let host = after.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        return Ok((of_host(without_port(host), text)?, Form::Url));
    }
    if let Some(network) = Network::read(&fanged) {
        return Ok((of_network(network, text)?, Form::Plain));
    }
    let Some((host, path)) = fanged.split_once('/') else {
        return Ok((of_host(without_port(&fanged), text)?, Form::Plain));
    };
    if Network::read(host).is_some() && path.chars().all(|letter| letter.is_ascii_digit()) {
        return Err(expected("a network such as 192.0.2.0/24", text));
    }
    Ok((of_host(without_port(host), text)?, Form::Url))
}

/// Returns what a host describes: an address, a pattern, or a name with all names below it. `host`
/// is the host of a URL, or a whole entry that has no path, without its port. `text` is the whole
/// entry, for the error.
fn of_host(host: &str, text: &str) -> Result<Indicator, String> {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Some(network) = Network::read(inner).filter(|network| network.is_address()) {
        return of_network(network, text);
    }
    let host = undotted(host);
    if host.contains(['*', '?']) {
        return of_pattern(host, text);
    }
    let name = name_of(host, text)?;
    if name.len() >= LEAST_HASH && name.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(expected("a domain name, an address, a network or a URL, and no hash of a file", text));
    }
    if !name.contains('.') {
        return Err(expected(
            &format!(
                "a name with a full stop in it, because '{name}' would also describe all names below it \
                 (write ={name} for the name alone, or *.{name} for all names below it)"
            ),
            text,
        ));
    }
    Ok(Indicator::Name(name))
}

fn of_network(network: Network, text: &str) -> Result<Indicator, String> {
    let network = network.canonical();
    if network.is_whole() {
        return Err(expected("an address or a network, because this one has every address", text));
    }
    Ok(Indicator::Network(network))
}

/// Returns what a pattern with the wildcards `*` and `?` describes. A `*.` before a name describes
/// all names below it. `text` is the whole entry, for the error.
fn of_pattern(pattern: &str, text: &str) -> Result<Indicator, String> {
    if let Some(below) = pattern.strip_prefix("*.").filter(|below| !below.contains(['*', '?'])) {
        return Ok(Indicator::Below(name_of(below, text)?));
    }
    let lower: String = pattern.chars().flat_map(char::to_lowercase).collect();
    let is_known = |letter: char| letter.is_alphanumeric() || ".-_*?".contains(letter);
    if pattern.len() > MOST_NAME || !lower.chars().all(is_known) {
        return Err(expected("a domain name with * or ? in it", text));
    }
    let made = NamePattern::new(lower);
    if made.literals().all(|literal| literal.chars().count() < LEAST_LITERAL) {
        let what = format!(
            "a pattern with at least {LEAST_LITERAL} letters in a row, because it would match too many names"
        );
        return Err(expected(&what, text));
    }
    Ok(Indicator::Pattern(made))
}

/// Returns a domain name in the form that DNS has: in lower case, with labels outside ASCII in
/// Punycode. `text` is the whole entry, for the error.
fn name_of(name: &str, text: &str) -> Result<String, String> {
    let wrong = || expected("a domain name, an address, a network or a URL", text);
    if name.len() > 4 * MOST_NAME {
        return Err(wrong());
    }
    let ascii =
        if name.is_ascii() { name.to_ascii_lowercase() } else { ascii_name(name).ok_or_else(wrong)? };
    let is_known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let is_label = |label: &str| (1..=MOST_LABEL).contains(&label.len()) && label.chars().all(is_known);
    // Whatever ends in a number is an address, and a good one was recognised before.
    let last = ascii.rsplit('.').next().unwrap_or_default();
    let is_number = last.chars().all(|letter| letter.is_ascii_digit());
    if ascii.len() > MOST_NAME || is_number || !ascii.split('.').all(is_label) {
        return Err(wrong());
    }
    Ok(ascii)
}

/// Returns the text of an entry as it was before it was defanged (changed by a report so that a
/// name is not a link): `hxxp` at its start becomes `http`, and marks such as `[.]` or `[:]` become
/// the plain character.
fn refanged(text: &str) -> Cow<'_, str> {
    const MARKS: [(&str, &str); 8] = [
        ("[.]", "."),
        ("(.)", "."),
        ("{.}", "."),
        ("[dot]", "."),
        ("(dot)", "."),
        ("{dot}", "."),
        ("[://]", "://"),
        ("[:]", ":"),
    ];
    let mut text = Cow::Borrowed(text);
    if text.contains(['[', '(', '{']) {
        for (mark, plain) in MARKS {
            while let Some(at) = find_in_any_case(&text, mark) {
                text.to_mut().replace_range(at..at + mark.len(), plain);
            }
        }
    }
    match text.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("hxxp") => {
            Cow::Owned(format!("http{}", text.get(4..).unwrap_or_default()))
        }
        _ => text,
    }
}

fn find_in_any_case(text: &str, mark: &str) -> Option<usize> {
    let mark = mark.as_bytes();
    text.as_bytes().windows(mark.len()).position(|part| part.eq_ignore_ascii_case(mark))
}

/// Splits a URL into its scheme and the text after `://`; `None` if the text is not a URL.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let is_known = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    text.split_once("://").filter(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(is_known))
}

/// Returns a host without the colon and the port after it. A host without a port is unchanged.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port))
            if port.chars().all(|letter| letter.is_ascii_digit())
                && (!before.contains(':') || before.ends_with(']')) =>
        {
            before
        }
        _ => host,
    }
}

/// Returns a name without a full stop at its end.
fn undotted(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Returns the error message for an entry: what was expected, and the first characters of what was
/// found.
pub(in crate::detect) fn expected(what: &str, found: &str) -> String {
    format!("expected {what}, found '{}'", shown(found))
}

/// Returns the first [`MOST_SHOWN`] characters of an entry, escaped for a message. If the entry has
/// more, `…` is added.
pub(in crate::detect) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Indicator {
        Indicator::Name(text.to_owned())
    }

    fn network(text: &str) -> Indicator {
        Indicator::Network(Network::parse(text).unwrap())
    }

    #[test]
    fn names_and_addresses_in_each_form() {
        for (text, expected, form) in [
            ("evil.com", name("evil.com"), Form::Plain),
            ("EVIL.Com.", name("evil.com"), Form::Plain),
            ("evil[.]com", name("evil.com"), Form::Plain),
            ("a(.)evil[dot]com", name("a.evil.com"), Form::Plain),
            ("evil[DOT]com:8443", name("evil.com"), Form::Plain),
            ("_dmarc.evil.com", name("_dmarc.evil.com"), Form::Plain),
            ("bücher.example", name("xn--bcher-kva.example"), Form::Plain),
            ("hxxp://evil[.]com/a?b", name("evil.com"), Form::Url),
            ("hXXps[:]//user:pw@evil.com:8080/", name("evil.com"), Form::Url),
            ("ftp[://]evil.com", name("evil.com"), Form::Url),
            ("evil.com/path", name("evil.com"), Form::Url),
            ("https://192.0.2.7:4444/x", network("192.0.2.7"), Form::Url),
            ("https://[2001:db8::1]:4444/x", network("2001:db8::1"), Form::Url),
            ("192.0.2.7", network("192.0.2.7"), Form::Plain),
            ("192[.]0[.]2[.]7:80", network("192.0.2.7"), Form::Plain),
            ("192.0.2.0/24", network("192.0.2.0/24"), Form::Plain),
            ("192.0.2.7/index.html", network("192.0.2.7"), Form::Url),
            ("::ffff:192.0.2.7", network("192.0.2.7"), Form::Plain),
            ("::ffff:192.0.2.0/120", network("192.0.2.0/24"), Form::Plain),
            ("2001:db8::1", network("2001:db8::1"), Form::Plain),
            ("[2001:db8::1]:53", network("2001:db8::1"), Form::Plain),
            ("=evil.com", Indicator::ExactName("evil.com".to_owned()), Form::Plain),
            ("= wpad", Indicator::ExactName("wpad".to_owned()), Form::Plain),
            ("*.Evil.com", Indicator::Below("evil.com".to_owned()), Form::Plain),
            ("*.com", Indicator::Below("com".to_owned()), Form::Plain),
            ("ev?l*.COM", Indicator::Pattern(NamePattern::new("ev?l*.com".to_owned())), Form::Plain),
        ] {
            assert_eq!(indicator(text), Ok((expected, form)), "{text}");
        }
    }

    #[test]
    fn what_is_no_indicator_is_named() {
        for (text, part) in [
            ("com", "write =com"),
            ("*", "at least 3 letters in a row"),
            ("*.*", "at least 3 letters in a row"),
            ("*a*a*a*b", "at least 3 letters in a row"),
            ("0.0.0.0/0", "every address"),
            ("::/0", "every address"),
            ("::ffff:0:0/96", "every address"),
            ("192.0.2.0/33", "a network such as"),
            ("192.0.2.999", "a domain name"),
            ("evil com", "a domain name"),
            ("a@evil.com", "a domain name"),
            ("evil..com", "a domain name"),
            ("http:///x", "a domain name"),
            ("d41d8cd98f00b204e9800998ecf8427e", "no hash of a file"),
            ("evil\0.com", r"found 'evil\0.com'"),
            ("evil\u{fffd}.com", "a domain name"),
        ] {
            let error = indicator(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = indicator(&"a.".repeat(1_000_000)).unwrap_err();
        assert!(long.len() < 300 && long.ends_with("…'"), "{long}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn a_plain_entry_is_what_it_is_in_any_form(
            text in prop_oneof![
                "[a-zA-F0-9_.:/*=é-]{0,12}", "[0-9a-f.]{0,10}", "(a{60,65}\\.){0,5}[a-z]{0,3}",
                "([0-9]{1,3}\\.){3}[0-9]{1,3}(/[0-9]{1,2})?", "(::ffff:)?10\\.0\\.0\\.[0-9](/1?[0-9]{2})?",
                "[0-9a-f:]{2,12}(/[0-9]{1,3})?", "0\\.0\\.0\\.0/0",
            ],
        ) {
            prop_assert_eq!(indicator(&text), in_any_form(&text));
        }
    }
}
