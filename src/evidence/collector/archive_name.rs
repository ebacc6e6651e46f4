//! Finds the name of a host in the file name of an archive or a disk image. It knows how collectors
//! (tools that copy evidence from a host) name their archives. It has its own list of the endings
//! of archives and images, which are not part of the host's name.

use super::Layout;

/// Returns the host that an archive or image comes from, judged by its file name. Returns `None` if
/// the name has the form of no known collector, or if its part for the host cannot be a host's
/// name. The result is only a hint, because a user may have typed the name.
///
/// `layout` is the arrangement of folders in the archive, if it is known. The collector CyLR names
/// an archive just `<host>.zip`. So a name without a known form counts as a host's only if the
/// archive has CyLR's layout, [`Layout::Drives`].
#[must_use]
pub fn host_of_archive(file_name: &str, layout: Option<Layout>) -> Option<&str> {
    let name = without_ending(file_name);
    let host = velociraptor_host(name)
        .or_else(|| uac_host(name))
        .or_else(|| kape_host(name))
        .or_else(|| acquire_host(name))
        .or_else(|| (layout == Some(Layout::Drives)).then_some(name));
    host.filter(|host| is_host(host))
}

/// Returns true if `name` can be the name of a host: it consists of at most 253 ASCII letters,
/// digits, `-`, `.` and `_`, contains a letter, and does not begin with a date and an hour.
fn is_host(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    // A name that has no letter is a number or a date.
    (1..=253).contains(&name.len())
        && name.bytes().all(is_allowed)
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !is_dated(name)
}

/// Returns the file name without the endings of archives and images: `a` for `a.tar.gz`.
fn without_ending(mut name: &str) -> &str {
    const ENDINGS: [&str; 15] = [
        ".enc", ".zip", ".gz", ".bz2", ".xz", ".zst", ".tgz", ".tbz2", ".txz", ".tar", ".7z", ".vhdx",
        ".vhd", ".e01", ".raw",
    ];
    while let Some((start, end)) = name.rfind('.').and_then(|dot| name.split_at_checked(dot)) {
        if !ENDINGS.iter().any(|ending| end.eq_ignore_ascii_case(ending)) {
            break;
        }
        name = start;
    }
    name
}

/// Returns true if `text` begins like `pattern`. In the pattern, `0` matches any digit, and every
/// other character matches only itself.
fn begins_like(text: &str, pattern: &str) -> bool {
    let mut bytes = text.bytes();
    pattern.bytes().all(|expected| {
        bytes
            .next()
            .is_some_and(|found| if expected == b'0' { found.is_ascii_digit() } else { found == expected })
    })
}

/// Returns true if `text` begins with a date and an hour, as KAPE and Velociraptor write them:
/// `2025-03-04T18`.
fn is_dated(text: &str) -> bool {
    begins_like(text, "0000-00-00T00")
}

/// Returns the host in a file name of Velociraptor: `Collection-<host>-<time>`. Returns `None` for
/// a name of another form.
fn velociraptor_host(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("Collection-")?;
    let mut hyphens = rest.match_indices('-').map(|(place, _)| place);
    let end = hyphens.find(|place| rest.get(place + 1..).is_some_and(is_dated))?;
    rest.get(..end)
}

/// Returns the host in a file name of UAC: `uac-<host>-<system>-<time>`. Returns `None` for a name
/// of another form.
fn uac_host(name: &str) -> Option<&str> {
    let (rest, time) = name.strip_prefix("uac-")?.rsplit_once('-')?;
    let (host, _system) = rest.rsplit_once('-')?;
    is_time(time).then_some(host)
}

/// Returns what a user of KAPE typed at the end of a file name, usually the host:
/// `<time>_<target>_<what was typed>` or `<time>_<what was typed>`. Returns `None` for a name of
/// another form.
fn kape_host(name: &str) -> Option<&str> {
    let (time, rest) = name.split_once('_')?;
    let is_kape = begins_like(time, "0000-00-00T000000") && time.len() == 17;
    is_kape.then(|| rest.rsplit_once('_').map_or(rest, |(_, typed)| typed))
}

/// Returns the host in a file name of dissect's acquire: `<host>_<time>`. Returns `None` for a name
/// of another form.
fn acquire_host(name: &str) -> Option<&str> {
    let (host, time) = name.rsplit_once('_')?;
    is_time(time).then_some(host)
}

/// Returns true if `text` is a time of 14 digits, such as `20250304184011`.
fn is_time(text: &str) -> bool {
    text.len() == 14 && begins_like(text, "00000000000000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_named_after_their_hosts() {
        for (name, host) in [
            ("2025-03-04T184011_KapeTriage_FIN-WS07.zip", Some("FIN-WS07")),
            ("2025-03-04T184011__SANS_Triage_FIN-WS07.vhdx", Some("FIN-WS07")),
            ("2025-03-04T184011_FIN-WS07.VHD", Some("FIN-WS07")),
            ("2025-03-04T184011_KapeTriage_.zip", None),
            ("2025-03-04T18401_KapeTriage_x.zip", None),
            ("Collection-FIN-WS07_corp-2025-03-04T18_40_11Z.zip", Some("FIN-WS07_corp")),
            ("Collection-fin-ws07.corp.example-2025-03-04T18_40_11_0100.zip", Some("fin-ws07.corp.example")),
            ("Collection-2025-03-04T18_40_11Z.zip", None),
            ("Collection-FIN-WS07.zip", None),
            ("FIN-WS07_20250304184011.tar.gz.enc", Some("FIN-WS07")),
            ("fin_ws07_20250304184011.zip", Some("fin_ws07")),
            ("FIN-WS07_2025030418401.tar", None),
            ("uac-fin-ws07-linux-20250304184011.tar.gz", Some("fin-ws07")),
            ("2025-03-04T1840119_KapeTriage_x.zip", None),
            ("uac-fin-ws07-linux-2025.tar.gz", None),
            ("FIN-WS07_202503041840111.tar", None),
            ("uac-linux-20250304184011.tar.gz", None),
            ("FIN-WS07.zip", None),
            ("", None),
            (".zip", None),
        ] {
            assert_eq!(host_of_archive(name, None), host, "{name}");
        }
        assert_eq!(host_of_archive("FIN-WS07.zip", Some(Layout::Drives)), Some("FIN-WS07"));
        assert_eq!(
            host_of_archive("fin-ws07.corp.example.zip", Some(Layout::Drives)),
            Some("fin-ws07.corp.example")
        );
        assert_eq!(host_of_archive("FIN-WS07.zip", Some(Layout::Uploads)), None);
        for name in
            ["my case.zip", "12345.zip", "2025-03-04T184011_KapeTriage_.zip", "2025-03-04T18_x.zip", ".zip"]
        {
            assert_eq!(host_of_archive(name, Some(Layout::Drives)), None, "{name}");
        }
    }
}
