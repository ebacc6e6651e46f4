"""Judges what `dnsweep report` prints of outputs, with readers that are not ours.

    python tests/judge_reports.py PROGRAM OUT...

The JSON documents must be valid against the schemas that the program prints, and their numbers must be those of the
tables, as pyarrow reads them. The CSV must be what Python's own reader reads back.
"""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as parquet
from jsonschema import Draft202012Validator

# Characters that begin a formula in a spreadsheet.
FORMULA = ("=", "+", "-", "@")


def printed(program: str, *words: str) -> str:
    ended = subprocess.run([program, *words], capture_output=True, check=True)
    return ended.stdout.decode("utf-8")


def rows(path: Path, *columns: str) -> list[dict]:
    return parquet.read_table(path, columns=list(columns)).to_pylist()


def valid(program: str, schema: str, text: str) -> dict:
    """Returns a document, which must be valid against the schema of this name."""
    validator = Draft202012Validator(json.loads(printed(program, "schema", schema)))
    document = json.loads(text)
    errors = [f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in validator.iter_errors(document)]
    assert not errors, errors[:5]
    return document


def judge_summary(program: str, out: Path) -> int:
    text = printed(program, "report", str(out), "--format", "json", "--full")
    document = valid(program, "summary", text)
    valid(program, "summary", printed(program, "report", str(out), "--format", "json"))
    hosts = rows(out / "hosts.parquet", "computer", "verdict", "matches", "unique_matches", "risk_score")
    matching = [host for host in hosts if host["matches"] > 0]
    listed = [(host["computer"], host["matches"]["unique"]) for host in document["hosts"]["items"]]
    assert sorted(listed) == sorted((host["computer"], host["unique_matches"]) for host in matching), listed
    assert document["hosts"]["count"] == len(matching)
    others = document["uncleared"]["count"] + document["cleared"]["count"]
    assert others == len(hosts) - len(matching) and document["cleared"]["count"] == document["cleared_count"]
    assert document["totals"] == json.loads((out / "run.json").read_text())["totals"]
    columns = ["computer", "event_hash", "duplicate", "recovered", "excluded_by"]
    events = {
        (row["computer"], row["event_hash"])
        for row in rows(out / "matches.parquet", *columns)
        if not row["duplicate"] and not row["recovered"] and row["excluded_by"] is None
    }
    found = [
        (host["computer"].lower(), match["place"]["event_hash"])
        for host in document["hosts"]["items"]
        for match in host["matches"]["listed"]["items"]
        if match["place"]["recovered_from"] is None
    ]
    assert len(found) == len(set(found)) and set(found) == {(computer.lower(), event) for computer, event in events}
    return len(found)


def judge_host(program: str, out: Path) -> None:
    for host in rows(out / "hosts.parquet", "computer", "matches"):
        if host["computer"]:
            document = valid(program, "summary", printed(program, "report", str(out), "--format", "json", f"--host={host['computer']}"))
            found = document["hosts"]["count"] + document["uncleared"]["count"] + document["cleared_count"]
            assert found >= 1, host


def judge_risk(program: str, out: Path) -> None:
    words = ["report", str(out), "--risk", "--last", "9999d"]
    document = valid(program, "risk", printed(program, *words, "--format", "json"))
    columns = ["computer", "risk_score", "duplicate", "recovered", "excluded_by"]
    scores: dict[str, int] = {}
    for row in rows(out / "matches.parquet", *columns):
        if not row["duplicate"] and not row["recovered"] and row["excluded_by"] is None:
            name = row["computer"].lower()
            scores[name] = scores.get(name, 0) + (row["risk_score"] or 0)
    systems = {item["object"].lower(): item["score"] for item in document["objects"]["items"] if item["object_type"] == "system"}
    assert systems == scores, (systems, scores)
    table = list(csv.DictReader(io.StringIO(printed(program, *words, "--format", "csv"), newline="")))
    assert [int(row["score"]) for row in table] == [item["score"] for item in document["objects"]["items"]]


def judge_csv(program: str, out: Path) -> None:
    text = printed(program, "report", str(out), "--format", "csv")
    table = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    hosts = rows(out / "hosts.parquet", "computer", "verdict", "unique_matches")
    assert len(table) == len(hosts)
    assert sorted(row["verdict"] for row in table) == sorted(host["verdict"] for host in hosts)
    assert sum(int(row["matches"]) for row in table) == sum(host["unique_matches"] for host in hosts)
    for row in table:
        assert not any(cell.startswith(FORMULA) for cell in row.values()), row


def main() -> None:
    program, *outputs = sys.argv[1:]
    for out in map(Path, outputs):
        matches = judge_summary(program, out)
        judge_host(program, out)
        judge_risk(program, out)
        judge_csv(program, out)
        print(f"{out}: the reports of {matches} matches are valid and agree with the tables")


main()
