#!/usr/bin/env python3
"""Judges report.html, the page of an output, in a real browser.

    python tests/judge_page.py OUT_DIR...          the pages of these outputs
    python tests/judge_page.py --hostile PROGRAM   a page with markup, scripts and the like in every field
    python tests/judge_page.py --big PROGRAM       a page of 5,000 hosts and 100,000 matches: time and size
    python tests/judge_page.py --picture PNG OUT_DIR   makes the picture that the README shows

Chromium opens each page from its file. Whatever it writes to its console, every dialog and every request for anything
but that file is a failure. What the page shows is compared with the tables as DuckDB reads them, and with run.json.

Prints one line for each page. The exit status is 1 if anything disagrees, and 2 if something is missing.

    pip install duckdb playwright; Debian's package chromium, or CHROMIUM=/path/of/it
"""

import datetime
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from xml.sax.saxutils import escape

import duckdb
from playwright.sync_api import sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
# The times in which a page must be usable, in seconds, and its greatest size in bytes. Machines of builds are slow and
# busy, so that there is some room.
OPENS, FILTERS, LARGEST = 3.0, 1.0, 5_000_000
ROOM = float(os.environ.get("PAGE_ROOM", "1"))

HARM = "\x1b[2J\x07\r\u202etxt\u200b\u2066\ufeff\x85\u2028"
SCRIPT = "<script>alert(1)</script>"
MARKUP = "\"'><img src=x onerror=alert(2)><svg onload=alert(3)>&lt;b&gt;</table></script></style>"
LINK = "javascript:alert(4)//https://example.invalid/x"
LONG = "L" * 100_000
PLANTED = [HARM, SCRIPT, MARKUP, LINK, LONG, "{{ 7 * 7 }}${7*7}<!--", "=HYPERLINK(\"https://example.invalid\")"]
# What a reader must never get as it is: it would act, or hide something.
ACTING = [chr(code) for code in [*range(0x20), 0x7F, 0x85, 0x200B, 0x2028, 0x202E, 0x2066, 0xFEFF] if code != 0x0A]

EVENT = (
    '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
    '<Provider Name="Microsoft-Windows-Sysmon" Guid="{{5770385F-C22A-43E0-BF4C-06F5698FFBD9}}"/><EventID>22</EventID>'
    "<Version>5</Version><TimeCreated SystemTime=\"{time}\"/><EventRecordID>{number}</EventRecordID>"
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>{computer}</Computer></System><EventData>"
    '<Data Name="RuleName">{rule}</Data><Data Name="UtcTime">2025-03-04 08:00:00.000</Data>'
    '<Data Name="ProcessGuid">{{11111111-2222-3333-4444-555555555555}}</Data><Data Name="ProcessId">4242</Data>'
    '<Data Name="QueryName">{name}</Data><Data Name="QueryStatus">{status}</Data>'
    '<Data Name="QueryResults">{results}</Data><Data Name="Image">{image}</Data><Data Name="User">{user}</Data>'
    "</EventData></Event>\n"
)


CREATION = (
    EVENT.split("<EventID>")[0] + "<EventID>1</EventID>" + EVENT.split("</EventID>")[1].split("<Data Name=")[0]
    + '<Data Name="RuleName">-</Data><Data Name="UtcTime">2025-03-04 07:59:00.000</Data>'
    '<Data Name="ProcessGuid">{{11111111-2222-3333-4444-555555555555}}</Data><Data Name="ProcessId">4242</Data>'
    '<Data Name="Image">{image}</Data><Data Name="CommandLine">{line}</Data><Data Name="User">{user}</Data>'
    '<Data Name="IntegrityLevel">{user}</Data><Data Name="Hashes">SHA256={hash}</Data>'
    '<Data Name="ParentProcessGuid">{{22222222-2222-3333-4444-555555555555}}</Data><Data Name="ParentProcessId">815</Data>'
    '<Data Name="ParentImage">{parent}</Data><Data Name="ParentCommandLine">{parent_line}</Data></EventData></Event>\n'
)


def creation(number, computer, planted):
    """Returns an event 1 as XML, of the process that makes the queries, with `planted` in every field."""
    values = {"image": f"C:\\{planted}", "line": f"line {planted}", "user": f"CORP\\{planted}", "hash": planted}
    values |= {"parent": f"C:\\parent {planted}", "parent_line": f"parent line {planted}", "computer": computer}
    values = {key: escape(value, {'"': "&quot;"}) for key, value in values.items()}
    return CREATION.format(number=number, time="2025-03-01T00:00:00.0000000Z", **values)


def event(number, computer, name="pastebin.com", image=r"C:\Windows\System32\cmd.exe", **more):
    """Returns an event as XML. A character that XML does not allow is written as Windows writes it: as it is."""
    moment = datetime.datetime(2025, 3, 1) + datetime.timedelta(minutes=37 * (number % 60_000))
    values = {"rule": "-", "status": "0", "results": "::ffff:203.0.113.7;", "user": r"CORP\user", **more}
    values |= {"computer": computer, "name": name, "image": image}
    return EVENT.format(
        number=number, time=moment.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"), **{key: escape(value, {'"': "&quot;"}) for key, value in values.items()}
    )


# What the page's script sets when it is done. It is a selector, because the page's policy forbids to wait for an expression.
READY = "html[data-ready='yes']"


class Page:
    """A page in the browser, with everything that it did and should not have done."""

    def __init__(self, browser, path, **options):
        self.path, self.wrong = path, []
        self.context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options})
        self.page = self.context.new_page()
        address = path.resolve().as_uri()
        self.page.on("console", lambda message: self.wrong.append(f"console: {message.text[:200]}"))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {str(error)[:200]}"))
        self.page.on("request", lambda request: request.url == address or self.wrong.append(f"request: {request.url[:200]}"))
        self.page.on("dialog", self._dialog)
        begun = time.monotonic()
        self.page.goto(address)
        if options.get("java_script_enabled", True):
            self.page.wait_for_selector(READY, state="attached")
        self.opened = time.monotonic() - begun

    def _dialog(self, dialog):
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def text(self, selector):
        return self.page.locator(selector).first.inner_text()

    def shown(self, grid):
        """Returns the number of rows that a grid says to show."""
        return int(self.text(f"#{grid}-filters .count").split(" ")[0].replace(",", ""))

    def filter(self, grid, column, typed):
        """Types into the filter of a column. Returns the number of rows that are shown, and the time that it took."""
        place = self.page.locator(f'#{grid}-grid .tabulator-col[tabulator-field="{column}"] input')
        place.fill("")
        place.click()
        before = self.page.evaluate("window.filtered = 0; performance.now()")
        for letter in typed:
            self.page.keyboard.type(letter)
        begun = time.monotonic()
        self.page.wait_for_timeout(260)
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        took = time.monotonic() - begun
        assert before >= 0
        return self.shown(grid), took

    def unfilter(self, grid):
        # The field must not have the focus: it would filter again when it loses it.
        self.page.evaluate(f"document.activeElement.blur(); Tabulator.findTable('#{grid}-grid')[0].clearHeaderFilter()")

    def expect(self, what, found, expected):
        if found != expected:
            self.wrong.append(f"{what}: {str(found)[:300]!r} instead of {str(expected)[:300]!r}")

    def close(self):
        self.context.close()


def query(sql, **values):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.execute(sql, values).fetchall()


def facts(out):
    """Returns what the tables of an output say, as DuckDB reads them."""
    hosts = query("SELECT computer, unique_matches, verdict, dns_queries FROM read_parquet($path)", path=str(out / "hosts.parquet"))
    rows = query(
        """SELECT count(DISTINCT (evidence, source_path, record_offset)) FROM read_parquet($path)
           WHERE NOT duplicate AND NOT recovered AND excluded_by IS NULL""",
        path=str(out / "matches.parquet"),
    )
    first = query(
        """SELECT strftime(event_time, '%Y-%m-%d %H:%M:%S'), computer FROM read_parquet($path)
           WHERE NOT duplicate AND NOT recovered AND excluded_by IS NULL AND event_time IS NOT NULL
           ORDER BY event_time LIMIT 1""",
        path=str(out / "matches.parquet"),
    )
    return hosts, rows[0][0], first[0] if first else None


def judge_structure(page):
    """Checks that nothing on the page acts: no links out of it, no handlers, no frames, no characters that hide."""
    counts = page.page.evaluate(
        """() => ({
          links: [...document.querySelectorAll("[href], [src], [action], [style*=url]")].map((node) => node.getAttribute("href") || node.outerHTML)
            .filter((link) => !link.startsWith("#")),
          handlers: [...document.querySelectorAll("*")].filter((node) => [...node.attributes].some((of) => of.name.startsWith("on"))).length,
          others: document.querySelectorAll("iframe, img, object, embed, link, base, form, math, foreignObject").length,
          scripts: document.querySelectorAll("script").length,
          styles: document.querySelectorAll("style").length,
        })"""
    )
    page.expect("what may act", counts, {"links": [], "handlers": 0, "others": 0, "scripts": 4, "styles": 1})
    text = page.page.evaluate("document.body.textContent")
    acting = sorted({letter for letter in ACTING if letter in text} - {"\t", "\r"})
    page.expect("characters that act", acting, [])


def judge_content(page, out):
    """Compares what the page says with the tables and with run.json."""
    hosts, matches, first = facts(out)
    matching = sum(1 for host in hosts if host[1] > 0)
    headline = page.text("h1")
    expected = [f"{matches:,} match", f"{matching:,} of {len(hosts):,} host"] if matches else [f"{len(hosts):,} host"]
    for part in expected:
        if part not in headline:
            page.wrong.append(f"headline: {headline!r} does not have {part!r}")
    if first and first[0] not in page.text("#answer .lead"):
        page.wrong.append(f"the first match is at {first[0]}: {page.text('#answer .lead')!r}")
    page.expect("hosts in the grid", page.shown("hosts") if hosts else 0, len(hosts))
    sha256 = hashlib.sha256((out / "run.json").read_bytes()).hexdigest()
    page.expect("SHA-256 of run.json", page.text("#verify .hash"), sha256)
    run = json.loads((out / "run.json").read_text())
    for table in run["outputs"]:
        if table["sha256"] not in page.text("#run"):
            page.wrong.append(f"{table['file']}: its SHA-256 is not on the page")
    for verdict in {host[2] for host in hosts}:
        if verdict not in page.page.evaluate("document.querySelector('#hosts-static').textContent"):
            page.wrong.append(f"verdict {verdict!r} is not in the list of hosts")
    if (out / "processes.parquet").exists():
        judge_trees(page, out)
    if matches:
        count = "Tabulator.findTable('#matches-grid')[0].getData().reduce((sum, row) => sum + row.count, 0)"
        hits = query(
            "SELECT count(*) FROM read_parquet($path) WHERE NOT duplicate AND excluded_by IS NULL", path=str(out / "matches.parquet")
        )
        page.expect("matches in the grid", page.page.evaluate(count), hits[0][0])


def judge_trees(page, out):
    """Compares the process trees with processes.parquet: which processes, each below its parent, with its command line."""
    rows = query(
        """SELECT computer, process_guid, parent_process_guid, command_line, status, sha256
           FROM read_parquet($path)""",
        path=str(out / "processes.parquet"),
    )
    shown = page.page.evaluate(
        """[...document.querySelectorAll("article")].filter((card) => card.querySelector(".tree")).map((card) => [
          card.querySelector("h3").textContent,
          [...card.querySelectorAll(".tree tbody tr")].map((row) => [
            Number(row.children[1].className.match(/\\bl(\\d+)/)[1]), row.children[1].textContent, row.children[1].firstElementChild.textContent
          ]),
        ])"""
    )
    simple = [(host, rows) for host, rows in shown if host.isprintable() and "\\u{" not in host and "…" not in host]
    for host, lines in simple:
        own = {row[1]: row for row in rows if row[0].lower() == host.lower()}
        if len(own) > 60:
            continue
        page.expect(f"processes of {host}", len(lines), len(own))
        expected = sorted(row[3] for row in own.values() if row[3] and row[3].isprintable() and len(row[3]) < 1000)
        texts = [line for _, _, line in lines]
        for line in expected:
            if line not in texts:
                page.wrong.append(f"{host}: no line of its tree is {line!r}")
        # How many processes are above each one, as the table has it.
        levels = []
        for guid in own:
            level, seen = 0, {guid}
            while (guid := own[guid][2]) in own and guid not in seen:
                level, seen = level + 1, seen | {guid}
            levels.append(level)
        page.expect(f"levels of {host}", sorted(level for level, _, _ in lines), sorted(min(level, 16) for level in levels))
        missing = sum(1 for row in own.values() if row[4] != "found")
        said = sum(1 for _, text, _ in lines if "its start " in text)
        page.expect(f"processes of {host} whose start was not found", said, missing)


def judge_use(page, hosts):
    """Filters and sorts the grids, and presses the buttons."""
    if not hosts:
        return
    name = next((host[0] for host in hosts if host[0] and host[0].isascii() and host[0].isprintable()), None)
    if name:
        found, _ = page.filter("hosts", "host", name[:12])
        page.expect("filtered hosts", found, sum(1 for host in hosts if name[:12].lower() in (host[0] or "").lower()))
        page.unfilter("hosts")
    page.page.locator("#hosts-filters button", has_text="With matches").click()
    page.expect("hosts with matches", page.shown("hosts"), sum(1 for host in hosts if host[1] > 0))
    page.page.locator("#hosts-filters button", has_text="All").click()
    title = page.page.locator('#hosts-grid .tabulator-col[tabulator-field="dns_queries"] .tabulator-col-title')
    title.click()
    column = "Tabulator.findTable('#hosts-grid')[0].getData('active').map((row) => row.dns_queries)"
    page.expect("hosts by DNS queries", page.page.evaluate(column), sorted(host[3] for host in hosts))


def judge_looks(browser, path):
    """Opens the page in the dark, on paper, and without script. Returns what is wrong."""
    wrong = []
    colours = {}
    for scheme in ["light", "dark"]:
        page = Page(browser, path, color_scheme=scheme)
        colours[scheme] = page.page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]")
        if scheme == "light":
            page.page.emulate_media(media="print")
            page.expect("list of hosts on paper", page.page.locator("#hosts-static").is_visible(), True)
            page.expect("grid on paper", page.page.locator("#hosts-grid").is_visible(), False)
            if len(page.page.pdf(format="A4", print_background=True)) < 10_000:
                page.wrong.append("the page on paper is nearly empty")
        wrong += page.wrong
        page.close()
    if colours["light"][0] == colours["dark"][0] or colours["light"][1] == colours["dark"][1]:
        wrong.append(f"the dark page has the colours of the light one: {colours}")
    page = Page(browser, path, java_script_enabled=False)
    for selector, visible in [("#hosts-static table", True), ("#hosts-grid", False), ("#matches-search", False)]:
        page.expect(f"{selector} without script", page.page.locator(selector).first.is_visible(), visible)
    wrong += page.wrong
    page.close()
    return wrong


# The widths in pixels at which the page must be readable: a phone, tablets, a laptop, a desk.
WIDTHS = [420, 768, 1000, 1280, 1600]
# Returns what a reader cannot see without moving the page or a grid sideways. A chart may be moved within its frame.
OVERFLOWING = """() => {
  const width = document.documentElement.clientWidth;
  const name = (node) => `${node.tagName}.${node.className} in #${(node.closest("section") || {}).id}`;
  const out = [...document.querySelectorAll("header *, nav *, main *, footer *")].filter((node) => {
    const place = node.getBoundingClientRect();
    return place.width > 1 && place.right > width + 1 && !node.closest("svg, .scroll, .tabulator-tableholder, .tabulator-header, caption");
  });
  const moved = [...document.querySelectorAll(".tabulator-tableholder")].filter((node) => node.scrollWidth > node.clientWidth + 1);
  const page = document.documentElement.scrollWidth > width ? [`the page is ${document.documentElement.scrollWidth} wide`] : [];
  return [...page, ...[...out, ...moved].map(name)].slice(0, 5);
}"""
# Returns texts whose colour is too near to that of their background: WCAG 2 asks for a ratio of 4.5, and of 3 for large text.
PALE = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((parts(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const has = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
  const pale = [...document.querySelectorAll("body *")].filter((node) => {
    if (!has(node) || node.closest("svg, script, style, .skip") || !node.getClientRects().length) return false;
    const style = getComputedStyle(node);
    const [one, other] = [light(style.color), light(behind(node))].sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05) < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5);
  });
  return pale.slice(0, 5).map((node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 40)}`);
}"""
# Returns what a reader who does not see the page would miss.
UNSAID = """() => {
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter((node) => node.getClientRects().length).map((node) => Number(node.tagName[1]));
  const jumps = levels.some((level, place) => level > (levels[place - 1] ?? 0) + 1) ? ["a level of headings is left out"] : [];
  const tables = [...document.querySelectorAll("main table")].filter((table) => !table.caption?.textContent || table.querySelector("th:not([scope])"));
  const charts = [...document.querySelectorAll("figure svg")].filter((chart) => !chart.closest("[role=img]")?.getAttribute("aria-label"));
  const buttons = [...document.querySelectorAll("button")].filter((button) => !button.textContent.trim());
  return [...jumps, ...[...tables, ...charts, ...buttons].map((node) => `${node.tagName} without its words`)].slice(0, 5);
}"""


def judge_widths(browser, path):
    """Opens the page at each width, in both themes. Returns what is wrong."""
    wrong = []
    for width in WIDTHS:
        for scheme in ["light", "dark"]:
            page = Page(browser, path, viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.expect(f"beyond the edge at {width} px", page.page.evaluate(OVERFLOWING), [])
            page.expect(f"pale texts, {scheme}, at {width} px", page.page.evaluate(PALE), [])
            page.expect("what has no words", page.page.evaluate(UNSAID), [])
            wrong += page.wrong
            page.close()
    page = Page(browser, path, viewport={"width": 1600, "height": 900})
    # A4 without its margins, at 96 dots per inch.
    page.page.emulate_media(media="print")
    page.page.set_viewport_size({"width": 700, "height": 1000})
    page.expect("beyond the edge of paper", page.page.evaluate(OVERFLOWING), [])
    wrong += page.wrong
    page.close()
    return wrong


def judge(browser, out):
    """Judges the page of an output. Returns what is wrong."""
    path = out / "report.html"
    page = Page(browser, path)
    judge_structure(page)
    judge_content(page, out)
    judge_use(page, facts(out)[0])
    if path.stat().st_size > LARGEST:
        page.wrong.append(f"{path.stat().st_size} bytes: expected at most {LARGEST}")
    page.close()
    return page.wrong + judge_looks(browser, path) + judge_widths(browser, path)


def sweep(program, evidence, out, *options):
    command = [program, "sweep", str(evidence), "--out", str(out), "--quiet", *options]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode not in (0, 3, 4):
        raise SystemExit(f"{command}: exit status {done.returncode}: {done.stderr.decode(errors='replace')}")


def named(text):
    """Returns a text as the name of a file: without what no file name has."""
    return text.replace("/", "_").replace("\0", "_")[:60]


def hostile(folder, program):
    """Writes evidence, rules and exclusions with harmful text in every field, and sweeps it."""
    evidence, rules = folder / "evidence", folder / "rules"
    rules.mkdir(parents=True)
    events = []
    for number, planted in enumerate(PLANTED, 1):
        tame = planted.replace("\\", "")
        fields = {"rule": planted, "status": planted, "results": f"{planted};::ffff:203.0.113.7;", "user": f"CORP\\{planted}"}
        events.append(event(number, f"HOST{number}{planted}", f"{planted}pastebin.com", rf"C:\Users\Public\{tame}.exe", **fields))
        events.append(event(100 + number, f"QUIET{number}{planted}", "example.com"))
        events.append(creation(200 + number, f"HOST{number}{planted}", planted))
    for planted in PLANTED:
        place = evidence / f"PC {named(planted)}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{named(planted)}.xml").write_text("".join(events), encoding="utf-8")
        (place / f"damaged {named(planted)}.evtx").write_bytes(b"no log at all" * 100)
        (place / f"archive {named(planted)}.zip").write_bytes(b"PK\x03\x04 no archive")
    quoted = [json.dumps(planted, ensure_ascii=True) for planted in PLANTED[:4] + PLANTED[5:]]
    for number, planted in enumerate(quoted):
        rule = f"""title: {planted}
id: 00000000-0000-4000-8000-00000000000{number}
description: {planted}
author: {planted}
date: {planted}
references: [{planted}, "https://example.invalid/?a=1&b='2'"]
falsepositives: [{planted}]
tags: ["attack.t1000{'<b>'}"]
logsource: {{ product: windows, category: dns_query }}
detection: {{ selection: {{ QueryName|contains: pastebin }}, condition: selection }}
level: high
status: stable
"""
        (rules / f"rule {number} {named(json.loads(planted))}.yml").write_text(rule, encoding="utf-8")
        refused = f"title: {planted}\nid: 1\nlogsource: {{category: dns_query}}\ndetection: {{s: {{QueryName|{planted[1:-1]}: x}}, condition: s}}\n"
        (rules / f"refused {number} {named(json.loads(planted))}.yml").write_text(refused, encoding="utf-8")
    allowed = "".join(
        f"- name: {planted}\n  search: QueryName=nothing.example\n  reason: {planted}\n" for planted in quoted
    )
    (folder / "allow.yml").write_text(allowed, encoding="utf-8")
    out = folder / "out"
    sweep(program, evidence, out, "--detection", str(rules), "--allow", str(folder / "allow.yml"), "--any-name", "--context")
    return out


def judge_hostile(browser, program):
    with tempfile.TemporaryDirectory() as folder:
        out = hostile(pathlib.Path(folder), program)
        wrong = judge(browser, out)
        page = Page(browser, out / "report.html")
        text = page.page.evaluate("document.body.textContent")
        for expected in [SCRIPT, MARKUP, LINK, "{{ 7 * 7 }}${7*7}<!--", "\\u{1b}[2J\\u{7}", "\\u{202e}txt\\u{200b}"]:
            if expected not in text:
                wrong.append(f"{expected!r} is not shown as it was logged")
        tree = page.page.evaluate("[...document.querySelectorAll('.tree')].map((tree) => tree.textContent).join('\\n')")
        for planted in [SCRIPT, MARKUP, LINK, "{{ 7 * 7 }}${7*7}<!--", "\\u{1b}[2J\\u{7}\\u{d}\\u{202e}txt\\u{200b}"]:
            for place in ["line ", "parent line ", "started by C:\\parent ", "CORP\\", "SHA-256 "]:
                if (place + (planted.lower() if place == "SHA-256 " else planted)) not in tree:
                    wrong.append(f"{place + planted!r} is not in a process tree")
        # What is not a path is cut at 300 characters, and a command line at 1,000.
        if "L" * 1000 in tree or "line " + "L" * 400 not in tree:
            wrong.append("a long command line is not cut as it should be")
        if "L" * 1000 in text or "L" * 100 not in text:
            wrong.append("a long value is not cut")
        rows = page.page.evaluate("JSON.stringify(Tabulator.findTable('#matches-grid')[0].getData())")
        if json.dumps(SCRIPT, ensure_ascii=False)[1:-1] not in rows:
            wrong.append("the grid does not have the script as text")
        # The whole grid is shown, row by row, so that every value was in the document once.
        for row in range(0, page.shown("matches"), 10):
            page.page.evaluate(f"Tabulator.findTable('#matches-grid')[0].scrollToRow({row}, 'top', true)")
            page.page.wait_for_timeout(30)
        judge_structure(page)
        wrong += page.wrong
        page.close()
        return wrong


def judge_big(browser, program, hosts=5_000, matches=100_000):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for part in range(20):
            place = folder / "evidence" / f"PART{part:02}"
            place.mkdir(parents=True)
            with (place / "events.xml").open("w", encoding="utf-8") as file:
                for number in range(part, matches, 20):
                    host = f"HOST-{number % hosts:05}.corp.example"
                    user, answer = rf"CORP\user{number % 997}", f"::ffff:203.{number % 200}.{number // 200 % 250}.{number % 250};"
                    image = rf"C:\Users\user{number % 997}\AppData\Local\Temp\tool{number % 311}.exe"
                    file.write(event(number + 1, host, f"x{number % 5009}.pastebin.com", image, user=user, results=answer))
        out = folder / "out"
        begun = time.monotonic()
        sweep(program, folder / "evidence", out, "--any-name")
        swept = time.monotonic() - begun
        page = Page(browser, out / "report.html")
        size = (out / "report.html").stat().st_size
        page.expect("hosts", page.shown("hosts"), hosts)
        found, filtered = page.filter("matches", "name", "x77.")
        page.expect("filtered matches", found, len(range(77, matches, 5009)))
        page.unfilter("matches")
        _, by_host = page.filter("hosts", "host", "0042")
        print(f"{hosts:,} hosts, {matches:,} matches: swept in {swept:.1f} s, {size:,} bytes, opens in {page.opened:.2f} s, filters in {filtered:.2f} and {by_host:.2f} s")
        limits = [("opens", page.opened, OPENS), ("filters matches", filtered, FILTERS), ("filters hosts", by_host, FILTERS)]
        page.wrong += [f"{what} in {took:.2f} s: expected at most {most * ROOM} s" for what, took, most in limits if took > most * ROOM]
        if size > LARGEST:
            page.wrong.append(f"{size:,} bytes: expected at most {LARGEST:,}")
        page.close()
        return page.wrong


def picture(browser, png, out):
    """Makes the picture of the README: the top of the page."""
    context = browser.new_context(viewport={"width": 1180, "height": 985}, color_scheme="light")
    page = context.new_page()
    page.goto((out / "report.html").resolve().as_uri())
    page.wait_for_selector(READY, state="attached")
    page.screenshot(path=png)
    context.close()


def main(words):
    if not CHROMIUM:
        print("Chromium is missing: expected the Debian package chromium, or its path in CHROMIUM")
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        match words:
            case ["--hostile", program]:
                wrong = {"hostile": judge_hostile(browser, program)}
            case ["--big", program]:
                wrong = {"big": judge_big(browser, program)}
            case ["--picture", png, out]:
                picture(browser, png, pathlib.Path(out))
                wrong = {}
            case [_, *_] if not words[0].startswith("-"):
                wrong = {out: judge(browser, pathlib.Path(out)) for out in words}
            case _:
                print(__doc__)
                return 2
        browser.close()
    for name, found in wrong.items():
        print(f"page of {name}: {'as expected' if not found else 'WRONG'}")
        print("".join(f"  {line}\n" for line in found[:20]), end="")
    return 1 if any(wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
