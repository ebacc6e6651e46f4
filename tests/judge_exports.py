#!/usr/bin/env python3
"""Judges the exports of an output of dnsweep by what the makers of the formats publish.

    python tests/judge_exports.py DNSWEEP OUT_DIR
    python tests/judge_exports.py DNSWEEP --hostile

With --hostile, makes evidence with values that were made to do harm, or that are missing, and sweeps it first. Exports the tables of the output in every format, and checks
- CSV: Python's csv and DuckDB read the values that pyarrow reads from the Parquet file, and no field begins a formula;
- JSON lines: Python reads the values that pyarrow reads from the Parquet file;
- ECS: every field is one that Elastic's npm package `@elastic/ecs` lists, with its type and its allowed values. The
  package is looked for in the folder that NODE_PATH names;
- OCSF: JSON Schemas that PyPI's `ocsf-json-schema` makes of the classes Detection Finding and DNS Activity;
- Timesketch: the functions by which its import client prepares and checks rows, which need no server;
- Splunk HEC: the list of keys and types in Splunk's documentation, because Splunk publishes no schema;
- of each format: one line for each row that is neither a copy nor excluded, in the order of the table, and the values
  that name where the event comes from.

The exit status is 1 if anything disagrees.

    pip install duckdb jsonschema ocsf-json-schema pyarrow timesketch-import-client && npm install @elastic/ecs
"""

import csv
import datetime
import hashlib
import ipaddress
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
from xml.sax.saxutils import escape

import duckdb
import jsonschema
import ocsf_json_schema
import pandas
import pyarrow.parquet
from timesketch_import_client import importer

ROOT = pathlib.Path(__file__).resolve().parent.parent
OCSF_VERSION = "1.8.0"
ECS_VERSION = "9.4.0"
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# How OWASP's page on CSV injection says that a formula begins.
FORMULA = tuple("=+-@\t\r\n")
csv.field_size_limit(1 << 30)


def microseconds(time):
    """Returns a time as microseconds since 1970."""
    since = time - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def time_text(time):
    """Returns a time as exports write it."""
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def expect(is_so, message):
    if not is_so:
        raise ValueError(message)


def table(out, name):
    """Returns the rows of a table, by pyarrow."""
    return pyarrow.parquet.read_table(out / f"{name}.parquet", partitioning=None).to_pylist()


# What exports of matches say of the process that asked, by the names of CSV's columns: the columns of processes.parquet.
PROCESS = {
    "process_start_time": "utc_time",
    "command_line": "command_line",
    "md5": "md5",
    "sha1": "sha1",
    "sha256": "sha256",
    "parent_process_guid": "parent_process_guid",
    "parent_process_id": "parent_process_id",
    "parent_image": "parent_image",
    "parent_command_line": "parent_command_line",
}


def with_processes(out, rows):
    """Returns the rows of matches with what processes.parquet says of the process of each; as they are without the table."""
    if not (out / "processes.parquet").exists():
        return rows
    known = {(row["computer"].lower(), row["process_guid"]): row for row in table(out, "processes") if row["status"] == "found"}
    of = [known.get((row["computer"].lower(), row["process_guid"]), {}) for row in rows]
    return [row | {name: process.get(column) for name, column in PROCESS.items()} for row, process in zip(rows, of)]


def exported(program, out, form, name, *options):
    """Exports a table to a file. Returns the file's path."""
    ending = {"csv": "csv"}.get(form, "jsonl")
    file = pathlib.Path(tempfile.mkdtemp()) / f"export.{ending}"
    words = [program, "export", out, "--to", form, "--table", name, "--quiet", "-o", file, *options]
    subprocess.run([str(word) for word in words], check=True)
    return file


def lines(file):
    """Returns the objects on the lines of a file. A line feed alone ends a line."""
    text = file.read_bytes().decode("utf-8")
    expect(text == "" or text.endswith("\n"), "the last line does not end")
    # What acts on a terminal, or is not seen, must be escaped.
    acting = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text)
    expect(acting is None, f"a character acts: {acting!r}")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def at(document, path):
    """Returns the value at a path of names and indices; None if there is none."""
    for name in path.split("."):
        if isinstance(document, list):
            document = document[int(name)] if int(name) < len(document) else None
        else:
            document = (document or {}).get(name)
    return document


# CSV


def csv_cell(value):
    """Returns a value as the guide says that CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return time_text(value)
    if isinstance(value, list):
        return "; ".join(csv_cell(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={csv_cell(item)}" for name, item in value.items() if item is not None)
    return str(value)


def given_back(field):
    """Returns the text that a field of CSV stands for."""
    return field[1:] if field.startswith("'") else field


def judge_csv(program, out, name, rows):
    file = exported(program, out, "csv", name)
    text = file.read_bytes().decode("utf-8")
    with file.open(encoding="utf-8", newline="") as opened:
        header, *read = list(csv.reader(opened, strict=True))
    columns = pyarrow.parquet.read_schema(out / f"{name}.parquet").names
    if name == "matches" and (out / "processes.parquet").exists():
        columns += PROCESS
    expect(header == columns, f"columns are {header}")
    expect(text.count("\r\n") >= len(rows) + 1, "lines do not end in CRLF")
    expect(len(read) == len(rows), f"{len(read)} rows instead of {len(rows)}")
    for number, (fields, row) in enumerate(zip(read, rows)):
        for column, field in zip(columns, fields, strict=True):
            value = row[column]
            is_text = not isinstance(value, (int, datetime.datetime))
            found = given_back(field) if is_text else field
            wanted = csv_cell(value).replace("\0", "\\u{0}")
            expect(found == wanted, f"row {number}: {column} is {field!r} for {value!r}")
            # In whatever follows blanks and an apostrophe, a spreadsheet sees text.
            is_formula = is_text and field.lstrip().startswith(FORMULA) and field != "-"
            expect(not is_formula, f"row {number}: {column} begins a formula: {field!r}")
    connection = duckdb.connect()
    query = "SELECT * FROM read_csv($path, header = true, all_varchar = true, strict_mode = true, parallel = false, max_line_size = 100000000)"
    told = connection.execute(query, {"path": str(file)}).fetchall()
    # DuckDB takes an empty field for null.
    duck = [["" if cell is None else cell for cell in row] for row in told]
    expect(duck == read, f"DuckDB reads other values than Python: {first_difference(duck, read)}")
    return len(rows)


def first_difference(one, other):
    for number, (left, right) in enumerate(zip(one, other)):
        for place, (a, b) in enumerate(zip(left, right)):
            if a != b:
                return f"row {number}, column {place}: {a!r} and {b!r}"
    return f"{len(one)} and {len(other)} rows"


# JSON lines


def json_value(value):
    if isinstance(value, datetime.datetime):
        return time_text(value)
    if isinstance(value, list):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {name: json_value(item) for name, item in value.items()}
    return value


def judge_jsonl(program, out, name, rows):
    read = lines(exported(program, out, "jsonl", name))
    expect(len(read) == len(rows), f"{len(read)} rows instead of {len(rows)}")
    for number, (line, row) in enumerate(zip(read, rows)):
        expect(line == json_value(row), f"row {number}: {line} for {row}")
        expect(list(line) == list(row), f"row {number}: the columns have another order")
    return len(rows)


# Events


def time_of(row):
    """Returns the time by which an event is exported, and whether any is known."""
    time = row["event_time"] or row.get("utc_time")
    return (time or EPOCH), time is not None


def techniques(run, row):
    """Returns the ATT&CK techniques of a row's detection, as run.json has them."""
    [detection] = [known for known in run["detections"] if known["id"] == row["detection_id"]]
    return detection["version"], detection["mitre_attack_id"]


def judge_origin(number, line, row, run, digest, paths):
    """Compares what names where an event comes from. `paths` says where the format has it."""
    version, ids = techniques(run, row)
    expected = {
        "evidence": row["evidence"],
        "source_path": row["source_path"],
        "event_record_id": row["event_record_id"],
        "record_offset": row["record_offset"],
        "run_sha256": digest,
        "event_hash": row["event_hash"],
        "detection_id": row["detection_id"],
        "detection_version": version,
        "techniques": ids or None,
        "risk_score": row.get("risk_score"),
        "computer": row["computer"],
        "query_name": row["query_name"],
        "registered_domain": row["registered_domain"],
        "public_suffix": row["public_suffix"],
        "image": row.get("image"),
    }
    # Where an id of the parent is missing, OCSF cannot have the parent.
    expected |= {name: row[name] for name in PROCESS if name in row and name in paths}
    for name, value in expected.items():
        path = paths[name]
        found = path(line) if callable(path) else at(line, path)
        # A value that the format has as a keyword is a text.
        is_same = found == value or (value is not None and found == str(value))
        expect(is_same, f"row {number}: {name} is {found!r} instead of {value!r}")


def ecs_types():
    """Returns the fields of ECS by their names: type, whether a list, allowed and expected values."""
    script = (
        "const {EcsFlat, EcsVersion} = require('@elastic/ecs');"
        "const fields = Object.entries(EcsFlat).map(([name, field]) => [name, {type: field.type, normalize: field.normalize,"
        " allowed: field.allowed_values, object: field.object_type}]);"
        "console.log(JSON.stringify({version: EcsVersion, fields: Object.fromEntries(fields)}))"
    )
    ended = subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True)
    known = json.loads(ended.stdout)
    expect(known["version"].startswith(ECS_VERSION), f"@elastic/ecs has version {known['version']}")
    return known["fields"]


def as_time(text):
    """Returns the time that a text in an export states."""
    return text and datetime.datetime.fromisoformat(text)


def is_date(value):
    return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value) is not None


def is_ip(value):
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return isinstance(value, str)


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63


ECS_TYPES = {
    "keyword": lambda value: isinstance(value, str),
    "match_only_text": lambda value: isinstance(value, str),
    "wildcard": lambda value: isinstance(value, str),
    "date": is_date,
    "ip": is_ip,
    "long": is_whole,
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value),
}


def judge_ecs_fields(fields, value, path=""):
    """Checks every field of a document against the schema."""
    for name, item in value.items():
        name = f"{path}{name}"
        field = fields.get(name)
        if field and field["type"] == "object" and field.get("object") == "keyword":
            # Labels and the like: any name, with keywords.
            for label, text in item.items():
                texts = text if isinstance(text, list) else [text]
                expect(all(isinstance(text, str) for text in texts), f"{name}.{label} is no keyword: {text!r}")
        elif field:
            is_list = "array" in field["normalize"]
            expect(isinstance(item, list) == is_list, f"{name} is {'no' if is_list else 'a'} list: {item!r}")
            for single in item if is_list else [item]:
                if field["type"] == "object":
                    judge_ecs_fields(fields, single, f"{name}.")
                    continue
                expect(ECS_TYPES[field["type"]](single), f"{name} is no {field['type']}: {single!r}")
                allowed = [known["name"] for known in field.get("allowed") or []]
                expect(not allowed or single in allowed, f"{name} may not be {single!r}")
        else:
            expect(isinstance(item, dict), f"{name} is no field of ECS")
            expect(any(known.startswith(f"{name}.") for known in fields), f"{name} is no field of ECS")
            judge_ecs_fields(fields, item, f"{name}.")


def judge_ecs(documents, rows, run, digest):
    fields = ecs_types()
    categories = {known["name"]: known.get("expected_event_types") for known in fields["event.category"]["allowed"]}
    for number, (line, row) in enumerate(zip(documents, rows, strict=True)):
        judge_ecs_fields(fields, line)
        expect(at(line, "ecs.version") == ECS_VERSION, f"row {number}: another version")
        for category in at(line, "event.category"):
            for kind in at(line, "event.type"):
                expect(kind in categories[category], f"row {number}: {kind} is not expected in {category}")
        expect("network" in at(line, "event.category"), f"row {number}: category")
        expect(at(line, "event.kind") == ("alert" if "image" in row else "event"), f"row {number}: kind")
        time, is_known = time_of(row)
        expect(line["@timestamp"] == time_text(time), f"row {number}: time {line['@timestamp']}")
        expect(("time-unknown" in line.get("tags", [])) != is_known, f"row {number}: time-unknown")
        valid = [address for address in row["resolved_ips"] if is_ip(address)]
        expect((at(line, "dns.resolved_ip") or []) == valid, f"row {number}: addresses")
        whole = [answer["data"] for answer in row["answers"] if not answer["cut"]]
        found = [answer["data"] for answer in at(line, "dns.answers") or []]
        expect(found == whole, f"row {number}: answers {found}")
        ids = set(at(line, "threat.technique.id") or []) | set(at(line, "threat.technique.subtechnique.id") or [])
        named = techniques(run, row)[1]
        parents = {known.split(".")[0] for known in named}
        expect(ids == parents | set(named), f"row {number}: techniques {ids}")
        paths = {
            "evidence": "labels.evidence",
            "source_path": "log.file.path",
            "event_record_id": "event.sequence",
            "record_offset": "labels.record_offset",
            "run_sha256": "labels.run_sha256",
            "event_hash": "event.hash",
            "detection_id": "rule.id",
            "detection_version": "rule.version",
            "techniques": lambda _, named=named: named or None,
            "risk_score": "event.risk_score",
            "computer": "host.name",
            "query_name": "dns.question.name",
            "registered_domain": "dns.question.registered_domain",
            "public_suffix": "dns.question.top_level_domain",
            "image": "process.executable",
            "process_start_time": lambda line: as_time(at(line, "process.start")),
            "command_line": "process.command_line",
            "md5": "process.hash.md5",
            "sha1": "process.hash.sha1",
            "sha256": "process.hash.sha256",
            "parent_process_guid": "process.parent.entity_id",
            "parent_process_id": "process.parent.pid",
            "parent_image": "process.parent.executable",
            "parent_command_line": "process.parent.command_line",
        }
        judge_origin(number, line, row, run, digest, paths)
        if row["registered_domain"] and row["query_name_lower"].isascii():
            labels = [at(line, "dns.question.subdomain"), row["registered_domain"]]
            expect(".".join(filter(None, labels)) == row["query_name_lower"], f"row {number}: labels {labels}")


def ocsf_validators():
    maker = ocsf_json_schema.OcsfJsonSchemaEmbedded(ocsf_json_schema.get_ocsf_schema(OCSF_VERSION))
    finding = maker.get_class_schema("detection_finding")
    activity = maker.get_class_schema("dns_activity", ["host"])
    validator = jsonschema.Draft202012Validator
    return validator(finding), validator(activity)


def ocsf_hash(hashes, algorithm):
    """Returns the hash by this algorithm of an OCSF file; None if there is none."""
    return {known["algorithm"]: known["value"] for known in hashes or []}.get(algorithm)


def technique_ids(attacks):
    return [at(attack, "sub_technique.uid") or at(attack, "technique.uid") for attack in attacks or []] or None


def judge_ocsf(events, rows, run, digest):
    finding, activity = ocsf_validators()
    for number, (line, row) in enumerate(zip(events, rows, strict=True)):
        is_match = "image" in row
        if is_match:
            check(finding, line, number)
        query = at(line, "evidences.0.data") if is_match else line
        check(activity, query, number)
        time, is_known = time_of(row)
        for event in (line, query):
            expect(event["time"] == microseconds(time) // 1000, f"row {number}: time {event['time']}")
            expect(at(event, "metadata.version") == OCSF_VERSION, f"row {number}: another version")
            expect(event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], f"row {number}: type_uid")
        expect((at(line, "unmapped.time_kind") == "unknown") != is_known, f"row {number}: unknown time")
        paths = {
            "evidence": "unmapped.evidence",
            "source_path": "unmapped.source_path",
            "event_record_id": "metadata.original_event_uid",
            "record_offset": "unmapped.record_offset",
            "run_sha256": "metadata.correlation_uid",
            "event_hash": "unmapped.event_hash",
            "detection_id": "finding_info.analytic.uid" if is_match else "unmapped.detection_id",
            "detection_version": "finding_info.analytic.version" if is_match else "unmapped.detection_version",
            "techniques": (lambda line: technique_ids(at(line, "finding_info.attacks"))) if is_match else "unmapped.mitre_attack_id",
            "risk_score": "risk_score",
            "computer": "device.hostname",
            "query_name": "evidences.0.query.hostname" if is_match else "query.hostname",
            "registered_domain": "unmapped.registered_domain",
            "public_suffix": "unmapped.public_suffix",
            "image": lambda line: at(line, "evidences.0.actor.process.path") or at(line, "evidences.0.actor.app_name"),
            "command_line": "evidences.0.actor.process.cmd_line",
            "sha256": lambda line: ocsf_hash(at(line, "evidences.0.actor.process.file.hashes"), "SHA-256"),
            "md5": lambda line: ocsf_hash(at(line, "evidences.0.actor.process.file.hashes"), "MD5"),
            "parent_process_guid": "evidences.0.actor.process.parent_process.uid",
            "parent_process_id": "evidences.0.actor.process.parent_process.pid",
            "parent_image": "evidences.0.actor.process.parent_process.path",
            "parent_command_line": "evidences.0.actor.process.parent_process.cmd_line",
        }
        judge_origin(number, line, row, run, digest, paths)


def check(validator, event, number):
    errors = [f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in validator.iter_errors(event)]
    expect(not errors, f"row {number}: {errors[:5]}")


# The names by which Timesketch's and Splunk's events have where they come from.
PLAIN = {
    name: name
    for name in ["evidence", "source_path", "event_record_id", "record_offset", "run_sha256", "event_hash", "detection_id",
                 "detection_version", "risk_score", "computer", "query_name", "registered_domain", "public_suffix", "image"]
} | {"techniques": "mitre_attack_id"} | {name: name for name in PROCESS if name != "process_start_time"}
PLAIN["process_start_time"] = lambda line: as_time(line.get("process_start_time"))


def judge_timesketch(events, rows, run, digest):
    for number, (line, row) in enumerate(zip(events, rows, strict=True)):
        missing = {"message", "datetime", "timestamp", "timestamp_desc"} - line.keys()
        expect(not missing, f"row {number}: {missing} is missing")
        expect(isinstance(line["message"], str) and line["message"], f"row {number}: no message")
        time, is_known = time_of(row)
        expect(line["timestamp"] == microseconds(time), f"row {number}: time {line['timestamp']}")
        expect((line["timestamp_desc"] == "Not a time") != is_known, f"row {number}: {line['timestamp_desc']}")
        # What the client makes of a row before it sends it.
        kept = dict(line)
        importer.ImportStreamer()._fix_dict(kept)
        expect(kept.keys() == line.keys(), f"row {number}: the client drops or adds {kept.keys() ^ line.keys()}")
        understood = datetime.datetime.fromisoformat(kept.pop("datetime"))
        expect(understood == time, f"row {number}: the client reads {understood} instead of {time}")
        expect(kept == {name: value for name, value in line.items() if name != "datetime"}, f"row {number}: changed by the client")
        judge_origin(number, line, row, run, digest, PLAIN)
    if events:
        frame = importer.ImportStreamer()._fix_data_frame(pandas.DataFrame(events))
        read = list(pandas.to_datetime(frame["datetime"], utc=True, format="mixed"))
        expect([microseconds(time.to_pydatetime()) for time in read] == [line["timestamp"] for line in events], "times of the frame")


# "Format events for HTTP Event Collector" in Splunk's documentation.
HEC_KEYS = {"time": (int, float), "host": str, "source": str, "sourcetype": str, "index": str, "fields": dict, "event": (dict, str)}


def judge_hec(file, events, rows, run, digest):
    raw = file.read_bytes().decode("utf-8").split("\n")[:-1]
    for number, (line, text, row) in enumerate(zip(events, raw, rows, strict=True)):
        for key, value in line.items():
            expect(isinstance(value, HEC_KEYS.get(key, ())), f"row {number}: {key} is {value!r}")
        expect(line.get("event"), f"row {number}: no event")
        time, is_known = time_of(row)
        all_digits = re.match(r'\{"time":(-?)(\d+)\.(\d{6}),', text)
        sign, seconds, decimals = all_digits.groups()
        found = int(seconds) * 1_000_000 + int(decimals)
        expect((-found if sign else found) == microseconds(time), f"row {number}: time {all_digits[0]}")
        expect((at(line, "event.time_kind") == "unknown") != is_known, f"row {number}: unknown time")
        expect(line["source"] == row["source_path"], f"row {number}: source")
        paths = {name: f"event.{path}" for name, path in PLAIN.items() if isinstance(path, str)}
        paths |= {"process_start_time": lambda line: as_time(at(line, "event.process_start_time"))}
        paths |= {"computer": "host", "query_name": "event.query", "detection_id": "event.signature_id", "image": "event.process_path"}
        judge_origin(number, line, row, run, digest, paths)


def judge_events(program, out, name, rows, run, digest):
    """Judges each format of events. Returns the number of events."""
    wanted = [row for row in rows if row["excluded_by"] is None and not row["duplicate"]]
    matches = [row for row in rows if row["excluded_by"] is None]
    for options, chosen in [((), wanted), (("--copies",), matches)]:
        for form in ["ecs", "ocsf", "timesketch", "splunk-hec"]:
            file = exported(program, out, form, name, *options)
            events = lines(file)
            try:
                expect(len(events) == len(chosen), f"{len(events)} events instead of {len(chosen)}")
                if form == "splunk-hec":
                    judge_hec(file, events, chosen, run, digest)
                else:
                    judge = {"ecs": judge_ecs, "ocsf": judge_ocsf, "timesketch": judge_timesketch}[form]
                    judge(events, chosen, run, digest)
            except ValueError as error:
                raise ValueError(f"{form}: {error}") from error
    return len(wanted)


# Texts that act on terminals, begin formulas, end fields, lines and texts, hide, or are long. XML cannot have all
# control characters.
HOSTILE = [
    "=cmd|'/c calc'!A1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "\u00a0=1+1", "＝1+1", "-", "'", "'=1+1",
    "", "a\"b", "a,b;c\r\nd", "\"", "\"=1+1\"", "\u202etxt.exe", "\u2066\u200b\ufeff\u2028\x85\x9b31m", "<script>alert(1)</script>",
    "{\"a\": 1}", "null", "\\", "a\\b\\c", "é日本💩\U000e0001", "x" * 100_000, "=" + "y" * 100_000, "NaN", "1e999", "0x10", "007",
]
RESULTS = ["", "-", "192.0.2.1;", "::ffff:192.0.2.7;2001:db8::1;type:  5 a.example;", "192.0.2.1;192.0.2", "type: 99 ;999.1.1.1;", "=1;'x;"]
STATUSES = ["0", "9001", "9003", "9005", "9018", "9023", "9501", "87", "1460", "-1", "x", "", "99999999999"]
TIMES = ["2025-03-04T08:34:50.1234567Z", "1601-01-02T00:00:00.0000001Z", "9998-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.9999999Z"]
RULE = """
title: "=HYPERLINK(\\"x\\",\\"\\e[31m\\u202ey\\")"
id: 6b1f4b0e-5a51-4c6c-8f0e-0d4b6b1f0a11
logsource: { product: windows, category: dns_query }
detection: { selection: { EventID: 22 }, condition: selection }
"""
SEED_RULE = ROOT / "src/detect/suspicious_process_dns_query_known_abuse_web_services.yml"


def escaped(text):
    """Returns a text as XML has it, with its white space."""
    return escape(text, {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;", "'": "&apos;"})


def hostile_events():
    """Returns events as XML, each with other values."""
    events = []
    for number, text in enumerate(HOSTILE * 2):
        time = TIMES[number % len(TIMES)] if number % 5 else "not a time"
        utc_time = "2025-03-04 08:34:50.123" if number % 2 else "neither"
        fields = {
            "RuleName": text,
            "UtcTime": utc_time,
            "ProcessGuid": guid(number) if number % 3 else None,
            "ProcessId": ["4711", None, "x"][number % 3],
            "QueryName": f"{text}pastebin.com" if number % 4 else text,
            "QueryStatus": STATUSES[number % len(STATUSES)],
            "QueryResults": RESULTS[number % len(RESULTS)],
            "Image": f"C:\\Users\\Public\\{text}" if number % 7 else "powershell.exe",
            "User": [f"CORP\\{text}", text, None, "\\", "x\\"][number % 5],
        }
        data = "".join(f"<Data Name='{name}'>{escaped(value)}</Data>" for name, value in fields.items() if value is not None)
        events.append(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
            "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>22</EventID><Version>5</Version>"
            f"<TimeCreated SystemTime='{time}'/><EventRecordID>{number + 1}</EventRecordID>"
            "<Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
            f"<Computer>{escaped(text[:1000])}</Computer></System><EventData>{data}</EventData></Event>\n"
        )
    # The last lines are copies.
    return "".join(events + leads() + creations() + events[:5])


def guid(number):
    """Returns a GUID for the process that makes the query with this number."""
    return f"{{9F3A6B1C-0000-0000-0000-{number:012X}}}"


def creations():
    """Returns events of processes that are created as XML. The parent of some is not stated, or has no id."""
    events = []
    for number, text in enumerate(HOSTILE * 2):
        fields = {
            "UtcTime": "2025-03-04 08:34:40.123" if number % 4 else "neither",
            "ProcessGuid": guid(number),
            "ProcessId": "4711",
            "Image": f"C:\\Users\\Public\\{text}",
            "CommandLine": f"{text} /x {text}" if number % 3 else text,
            "Hashes": ["SHA256=AB12,MD5=CD", f"SHA256={text}", "", None][number % 4],
            "ParentProcessGuid": guid(number + 1) if number % 5 else None,
            "ParentProcessId": "815" if number % 5 and number % 2 else None,
            "ParentImage": text if number % 5 else None,
            "ParentCommandLine": text if number % 5 else None,
        }
        data = "".join(f"<Data Name='{name}'>{escaped(value)}</Data>" for name, value in fields.items() if value is not None)
        events.append(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
            "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID><Version>5</Version>"
            f"<TimeCreated SystemTime='2025-03-04T08:34:40Z'/><EventRecordID>{number + 1000}</EventRecordID>"
            "<Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
            f"<Computer>{escaped(text[:1000])}</Computer></System><EventData>{data}</EventData></Event>\n"
        )
    return events


def leads():
    """Returns events of Windows' own DNS client as XML: a query is made, is completed, is answered."""
    events = []
    for number, text in enumerate(HOSTILE):
        event_id = [3006, 3008, 3020][number % 3]
        fields = {
            "QueryName": f"{text}pastebin.com",
            "QueryType": ["1", "28", "65535", "x", None][number % 5],
            "QueryOptions": "140737488355328",
            ("Status" if event_id == 3020 else "QueryStatus"): STATUSES[number % len(STATUSES)] if event_id != 3006 else None,
            "QueryResults": RESULTS[number % len(RESULTS)] if event_id != 3006 else None,
            "ClientPID": "77" if number % 2 else None,
        }
        data = "".join(f"<Data Name='{name}'>{escaped(value)}</Data>" for name, value in fields.items() if value is not None)
        events.append(
            "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
            f"<Provider Name='Microsoft-Windows-DNS-Client'/><EventID>{event_id}</EventID>"
            f"<TimeCreated SystemTime='{TIMES[number % len(TIMES)] if number % 4 else 'never'}'/><EventRecordID>{number}</EventRecordID>"
            "<Execution ProcessID='4242' ThreadID='1'/><Channel>Microsoft-Windows-DNS-Client/Operational</Channel>"
            f"<Computer>{escaped(text[:1000])}</Computer><Security UserID='S-1-5-21-1-2-3-1001'/></System>"
            f"<EventData>{data}</EventData></Event>\n"
        )
    return events


def hostile_output(program, folder):
    """Sweeps hostile evidence. Returns the path of the output."""
    (folder / "=evil\x1b[31m\u202e").mkdir()
    (folder / "=evil\x1b[31m\u202e" / "Sysmon.xml").write_text(hostile_events(), encoding="utf-8", newline="")
    rule = folder / "rule.yml"
    rule.write_text(RULE, encoding="utf-8")
    out = folder / "out"
    words = [program, "sweep", folder / "=evil\x1b[31m\u202e", "--detection", rule, "--detection", SEED_RULE, "--dns-client", "--context", "--out", out, "--quiet"]
    ended = subprocess.run([str(word) for word in words], stdout=subprocess.DEVNULL)
    expect(ended.returncode in (0, 3), f"the sweep of hostile evidence ended with {ended.returncode}")
    rows = table(out, "matches")
    expect(len(rows) > len(HOSTILE) and any(row["duplicate"] for row in rows), f"{len(rows)} hostile matches")
    expect(len(table(out, "leads")) >= len(HOSTILE), "too few hostile leads")
    expect(any(len(row["query_name"] or "") > 100_000 for row in rows), "no long value")
    expect(any(row["event_time"] is None and row["utc_time"] is None for row in rows), "no match without a time")
    found = [row for row in table(out, "processes") if row["status"] == "found"]
    expect(any(len(row["command_line"]) > 100_000 for row in found), f"{len(found)} hostile processes, no long command line")
    return out


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    if sys.argv[2] != "--hostile":
        return judge(program, pathlib.Path(sys.argv[2]))
    with tempfile.TemporaryDirectory() as folder:
        return judge(program, hostile_output(program, pathlib.Path(folder)))


def judge(program, out):
    described = (out / "run.json").read_bytes()
    run, digest = json.loads(described), hashlib.sha256(described).hexdigest()
    judged = []
    for output in run["outputs"]:
        name = output["file"].removesuffix(".parquet")
        rows = table(out, name)
        rows = with_processes(out, rows) if name == "matches" else rows
        try:
            judge_csv(program, out, name, rows)
            judge_jsonl(program, out, name, rows)
            events = judge_events(program, out, name, rows, run, digest) if name in ("matches", "leads") else None
        except (ValueError, csv.Error, duckdb.Error) as error:
            print(f"{out}: {name}: {error}")
            return 1
        judged.append(f"{name}: {len(rows)} rows" + ("" if events is None else f", {events} events in four formats"))
    print(f"{out}: exports agree with the tables and the formats: {'; '.join(judged)}")
    return 0 if judged else 1


if __name__ == "__main__":
    sys.exit(main())
