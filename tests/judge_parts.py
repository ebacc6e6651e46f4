"""Compares what the parts of a sweep give with what one sweep gives: every table must be the same, byte for byte.

    python tests/judge_parts.py target/release/dnsweep EVIDENCE [OPTION…]

The evidence is swept as a whole; as a plan of 1, 2 and 7 shards that are merged; and as two outputs, of the first and the
second half of the entries in EVIDENCE, that are merged. `sha256sum` of coreutils, not dnsweep, reads the tables.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

# What a sweep, a shard or a merge returns if it wrote its results.
WRITTEN = (0, 3, 4)


def run(program, *words):
    """Runs the program. Fails unless it wrote its results."""
    ended = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if ended.returncode not in WRITTEN:
        sys.exit(f"{words}: exit status {ended.returncode}\n{ended.stderr}")


def tables(out):
    """Returns the SHA-256 of each table of an output, by its path."""
    paths = sorted(str(path.relative_to(out)) for path in out.rglob("*.parquet"))
    words = ["sha256sum", "--", *paths]
    lines = subprocess.run(words, cwd=out, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(reversed(line.split("  ", 1)) for line in lines)


def compare(what, found, expected):
    differing = sorted(name for name in found | expected if found.get(name) != expected.get(name))
    if differing:
        sys.exit(f"{what}: expected the tables of one sweep, found others: {', '.join(differing)}")


def judge(program, evidence, options, folder):
    sweep = ["sweep", "--quiet", "--no-report"]
    run(program, *sweep, evidence, *options, "--out", folder / "whole")
    expected = tables(folder / "whole")
    for shards in (1, 2, 7):
        plan, out = folder / f"plan{shards}", folder / f"merged{shards}"
        run(program, "plan", "--quiet", evidence, *options, "--shards", shards, "--out", plan)
        parts = [folder / f"part{shards}-{shard}" for shard in range(1, shards + 1)]
        for shard, part in enumerate(parts, 1):
            run(program, "sweep", "--quiet", "--plan", plan, "--shard", shard, "--part", part)
        run(program, "merge", "--quiet", "--no-report", "--plan", plan, *reversed(parts), "--out", out)
        compare(f"{shards} shards", tables(out), expected)
    entries = sorted(evidence.iterdir())
    halves = [half for half in (entries[: len(entries) // 2], entries[len(entries) // 2 :]) if half]
    run(program, *sweep, *entries, *options, "--out", folder / "entries")
    for number, half in enumerate(halves):
        run(program, *sweep, "--part", "--out", folder / f"day{number}", *options, "--", *half)
    days = [folder / f"day{number}" for number in range(len(halves))]
    run(program, "merge", "--quiet", "--no-report", *days, "--out", folder / "days")
    compare("outputs of two days", tables(folder / "days"), tables(folder / "entries"))
    print(f"{evidence.name}: {len(expected)} tables are the same from 1, 2 and 7 shards and from two outputs")


def main(words):
    if len(words) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        judge(str(Path(words[0]).resolve()), Path(words[1]).resolve(), words[2:], Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
