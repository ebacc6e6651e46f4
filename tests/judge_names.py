#!/usr/bin/env python3
"""Compares what a sweep says of queried names with what other programs say: PyPI's `publicsuffixlist`, which has its own
copy of the public suffix list, and `idna`. Whether a pattern lies on label boundaries is decided here by its definition.

    python tests/judge_names.py DNSWEEP [FILE ...]
    pip install idna publicsuffixlist pyarrow

The names are hard ones, one below and one above each rule of the list, and those of each FILE: lines of JSON with a
QueryName. The two copies of the list are of different days, so few of its rules may give other answers.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
from xml.sax.saxutils import escape

import idna
import publicsuffixlist
import pyarrow.parquet

LIST = publicsuffixlist.PublicSuffixList(accept_unknown=False)
# The most rules of the list that may have changed between the days of its two copies.
MOST_CHANGED = 60
HARD = [
    "", ".", "..", "com", "com.", "WORKSTATION6", "localhost", "dev", "a.dev", "192.0.2.7", "1.2.3.4.", "fe80::1", "::ffff:192.0.2.7",
    "_ldap._tcp.dc._msdcs.corp.example.com", "_tcp.com", "_ldap._tcp.co.uk", "*.example.com", "*.com", "-a.com", "a-.com", "a_b.com",
    ".example.com", "a..example.com", "example.com..", "example.com ", " example.com", "two words.example.com", "tab\t.example.com",
    "https://example.com", "https://www.example.com/", "user@example.com", "C:\\a\\b.com", "<b>.ck", "<b>.a.ck", "=1+1.com",
    "Evil.GitHub.io", "github.io", "a.b.evil.github.io", "www.ck", "a.www.ck", "b.c.ck", "city.kawasaki.jp", "a.city.kawasaki.jp",
    "4.3.2.1.in-addr.arpa", "1.0.0.ip6.arpa", "wpad.corp.local", "file.txt", "t.me", "CDN.T.me.", "client.medium.com", "t.me.evil.com",
    "bot.me", "bot.me.t.me", "xn--bcher-kva.de", "XN--BCHER-KVA.Example.DE", "xn--80ak6aa92e.com", "xn--.com", "xn--zzzzzz.com",
    "xn--a-w1t.com", "xn--abc-.com", "_dmarc.xn--bcher-kva.xn--p1ai", "Bücher.DE", "a.пример.рф", "пример.рф", "a。пример｡рф", "ß.de",
    "\u202e.com", "\u200b.example.com", "\u2488.com", "\u212a.com", "日本.jp", "a.日本.co.jp", "é" * 40 + ".example.com", "\ufdfa" * 40 + ".ü.com",
    "a" * 63 + ".com", "a" * 64 + ".com", "a." * 121 + "example.com", "aa." + "a." * 119 + "example.com", "a." * 122 + "example.com", "x" * 100_000, "a." * 50_000 + "com",
    "xn--" * 20_000 + ".com", "xn--bcher-kva." * 10_000 + "de",
]
PATTERNS = [
    "*t.me*", "*.me", "*pastebin*", "*micro*soft*", "*.com", "*com*", "www*", "*.co.uk", "*a*e*", "*.*.*", "*xn--*", "t.me", "*", "*o*",
    "a.*", "*.a.*", "*a.*.c*",
]
RULES = {
    "any": 'name: Any\nid: any\nsearch: EventCode=22 query="*"\n',
    "nameless": "title: Nameless\nid: nameless\nlogsource: { product: windows, category: dns_query }\n"
    "detection: { selection: { EventID: 22 }, condition: selection }\n",
    "patterns": "name: Patterns\nid: patterns\nsearch: EventCode=22 query IN (" + ", ".join(f'"{pattern}"' for pattern in PATTERNS) + ")\n",
}


def fold(text):
    """Returns a text in lower case, each character by itself; a letter outside ASCII never becomes one of ASCII."""
    return "".join(low if (low := letter.lower()[:1]).isascii() == letter.isascii() else letter for letter in text)


def encoded(label):
    """Returns a label in ASCII; None if it cannot be encoded."""
    if label.isascii():
        return label
    try:
        found = idna.encode(label, uts46=True, transitional=False).decode()
    except (idna.IDNAError, UnicodeError, IndexError):
        return None
    return None if "." in found else found


def split(name):
    """Returns a name in lower case, its registered domain, and its public suffix."""
    lower = fold(name.removesuffix(".") or name)
    labels = re.split("[.\u3002\uff0e\uff61]", lower)
    if len(labels) < 2 or len(lower) > 253 or not all(1 <= len(label) <= 63 for label in labels):
        return lower or None, None, None
    end = []
    for label in reversed(labels):
        label = encoded(label)
        if label is None:
            break
        end.insert(0, label)
    suffix = LIST.publicsuffix(".".join(end)) if end else None
    if suffix is None:
        return lower, None, None
    count = suffix.count(".") + 1
    registered = ".".join(end[-count - 1 :]) if len(end) > count else None
    of_host = "[a-z0-9]([a-z0-9_-]*[a-z0-9])?"
    if not re.fullmatch(rf"{of_host}(\.{of_host})+|{of_host}", registered or suffix):
        return lower, None, None
    if registered is None and len(end) < len(labels):
        return lower, None, None
    return lower, registered, suffix


def is_shown(lower, shown):
    """Returns whether a name with encoded labels may be shown so. Where `idna`, which is stricter, can decode a label, both must agree."""
    labels = lower.split(".")
    if shown is None:
        return not all(decoded(label) for label in labels) or all(decoded(label) == label for label in labels)
    pairs = list(zip(labels, shown.split("."), strict=True))
    return all(decoded(label) in (None, text) and (label == text or label.startswith("xn--")) for label, text in pairs)


def decoded(label):
    """Returns a label in Unicode; None if it is not valid by the rules of IDNA 2008."""
    if not label.startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError, IndexError):
        return None


def is_on_label(pattern, name):
    """Decides by the definition: some part of the name between two label boundaries is the pattern's text."""
    text = pattern.strip("*")
    if not text:
        return True
    expression = re.compile(".*?".join(map(re.escape, text.split("*"))), re.IGNORECASE | re.ASCII | re.DOTALL)
    places = [place for place in range(len(name) + 1) if place in (0, len(name)) or "." in (name[place - 1], name[place])]
    starts = places if pattern.startswith("*") else [0]
    ends = places if pattern.endswith("*") else [len(name)]
    return any(expression.fullmatch(name, start, end) for start in starts for end in ends if start <= end)


def names_of_list():
    """Returns a name for each rule of the list, and one with a label more."""
    names = []
    for line in pathlib.Path(publicsuffixlist.PSLFILE).read_text(encoding="utf-8").splitlines():
        rule = line.split("//")[0].strip()
        if rule:
            rule = rule.removeprefix("!").replace("*", "w")
            names += [rule, f"b.{rule}", f"a.b.{rule}"]
    return names


def event(number, name):
    allowed = "".join(letter if letter >= " " or letter in "\t\n\r" else "?" for letter in name)
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>22</EventID><Version>5</Version>"
        f"<TimeCreated SystemTime='2025-03-04T08:34:50.1234567Z'/><EventRecordID>{number + 1}</EventRecordID>"
        "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>A</Computer></System><EventData>"
        f"<Data Name='QueryName'>{escape(allowed, {chr(9): '&#9;', chr(10): '&#10;', chr(13): '&#13;'})}</Data></EventData></Event>\n"
    )


def swept(program, names, folder):
    """Sweeps events that ask for names. Returns the rows of the table of matches."""
    (folder / "evidence").mkdir()
    events = "".join(event(number, name) for number, name in enumerate(names))
    (folder / "evidence" / "Sysmon.xml").write_text(events, encoding="utf-8", newline="")
    words = [program, "sweep", folder / "evidence", "--out", folder / "out", "--quiet"]
    for name, rule in RULES.items():
        (folder / f"{name}.yml").write_text(rule, encoding="utf-8")
        words += ["--detection", folder / f"{name}.yml"]
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
    return pyarrow.parquet.read_table(folder / "out" / "matches.parquet").to_pylist()


def judge(rows):
    """Returns what is wrong with rows: the names of which the list says otherwise, and other disagreements."""
    changed, wrong = set(), []
    for row in rows:
        name = row["query_name"]
        lower, registered, suffix = split(name or "")
        if row["query_name_lower"] != lower:
            wrong.append(f"{name!r}: lower {row['query_name_lower']!r}")
        if (row["registered_domain"], row["public_suffix"]) != (registered, suffix):
            wrong_name = f"{name!r}: {row['registered_domain']!r}, {row['public_suffix']!r}; the list says {registered!r}, {suffix!r}"
            changed.add(wrong_name) if name in OF_LIST else wrong.append(wrong_name)
        short = lower is not None and len(lower) <= 253 and lower.isascii() and "" not in lower.split(".")
        if short and "." in lower and not is_shown(lower, row["query_name_unicode"]):
            wrong.append(f"{name!r}: shown as {row['query_name_unicode']!r}")
        if row["detection_id"] == "patterns" and len(name) < 1000:
            expected = [pattern for pattern in row["matched_query"] if is_on_label(pattern, name)]
            if row["matched_query_on_label"] != expected:
                wrong.append(f"{name!r}: on labels {row['matched_query_on_label']}, expected {expected}")
    return changed, wrong


OF_LIST = set()


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    OF_LIST.update(names_of_list())
    names = HARD + sorted(OF_LIST)
    for file in sys.argv[2:]:
        lines = pathlib.Path(file).read_text(encoding="utf-8").splitlines()
        names += sorted({json.loads(line).get("QueryName") or "" for line in lines})
    with tempfile.TemporaryDirectory() as folder:
        rows = swept(program, names, pathlib.Path(folder))
    if len(rows) < 2 * len(names):
        sys.exit(f"{len(rows)} rows of {len(names)} names")
    changed, wrong = judge(rows)
    for what in [*sorted(changed)[:10], *wrong[:20]]:
        print(what)
    inside = sum(len(row["matched_query"]) > len(row["matched_query_on_label"]) for row in rows)
    print(f"{len(names)} names, {len(rows)} rows, {inside} with a pattern inside a label: {len(wrong)} disagreements, {len(changed)} names that the lists split otherwise")
    return 1 if wrong or len(changed) > MOST_CHANGED or inside == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
