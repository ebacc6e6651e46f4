"""Measures a sweep of many hosts in parts: the plan, its shards, and the merge of their parts.

    python3 benches/scale.py                                    # 100 hosts with 300 files each, in 8 shards
    python3 benches/scale.py --hosts 10000                      # 3 million files: 2 GiB of disk, a quarter of an hour
    python3 benches/scale.py --hosts 10 --files 50 --shards 500 # many parts
    python3 benches/scale.py --sweep                            # also sweeps everything at once: the same tables

The evidence takes little disk. Each host has a Sysmon log of its own, of one chunk, with its own Computer. Its other
files are hard links to a few logs without any event, as most logs of a Windows machine are. They are in the page
cache, so a shard measures dnsweep and the file system, and no disk.

The evidence has two roots: a tenth of the hosts, and the others. All stages run for the first root, and then for both.
Of these two runs, the growth of the peak memory is computed: so many bytes for each file more.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import compare

ROOT = compare.ROOT
RELEASE = ROOT / "target" / compare.RELEASE
LOGS = "Windows/System32/winevt/Logs"
EMPTY = ROOT / "samples" / "evidence" / "LAB-PC05" / LOGS / "Application.evtx"
LOG_KIB = 68
# The most hard links to one file: ext4 allows 65,000.
MOST_LINKS = 60_000


class Done(NamedTuple):
    """A stage that has ended: its seconds, its peak memory in MiB, and the bytes that it left."""

    seconds: float
    peak: float
    left: int


def corpus(folder, hosts, files):
    """Writes the evidence. Returns its two roots."""
    made = folder / "made"
    megabytes = -(-hosts * LOG_KIB // 1024)
    words = ["corpus", "quiet", str(megabytes), str(LOG_KIB), str(made)]
    subprocess.run([str(RELEASE / "dnsweep-samples"), *words], check=True, stdout=subprocess.DEVNULL)
    roots = [folder / "tenth", folder / "others"]
    for root in roots:
        root.mkdir()
    shared, links = None, MOST_LINKS
    for number, host in enumerate(sorted(os.listdir(made))[:hosts]):
        here = roots[number >= hosts // 10] / host
        (made / host).rename(here)
        logs = os.open(here / LOGS, os.O_RDONLY)
        for file in range(1, files):
            if links == MOST_LINKS:
                shared, links = folder / f"shared-{number}-{file}", 0
                shutil.copyfile(EMPTY, shared)
            os.link(shared, f"Microsoft-Windows-Channel-{file:03}%4Operational.evtx", dst_dir_fd=logs)
            links += 1
        os.close(logs)
    shutil.rmtree(made)
    os.sync()
    return roots


def run(program, *words, statuses=(0,)):
    """Runs a command of dnsweep, which must end with one of these statuses."""
    with open(os.devnull, "wb") as nowhere:
        start = time.perf_counter()
        process = subprocess.Popen([program, *map(str, words)], stdout=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in statuses:
        raise SystemExit(f"dnsweep {words[0]} ended with {process.returncode}, expected {statuses}")
    return seconds, usage.ru_maxrss / 1024


def size(path):
    return sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size


def stages(program, folder, roots, shards):
    """Runs all stages for these roots. Returns what each took: the plan, all shards one after the other, the merge."""
    plan, out = folder / "plan", folder / "merged"
    made = Done(*run(program, "plan", "--quiet", *roots, "--shards", shards, "--out", plan), size(plan))
    parts = [folder / f"part-{shard}" for shard in range(1, shards + 1)]
    swept = []
    for shard, part in enumerate(parts, 1):
        # 4: a shard without files.
        took = run(program, "sweep", "--quiet", "--plan", plan, "--shard", shard, "--part", part, statuses=(0, 4))
        swept.append(Done(*took, size(part)))
    took = run(program, "merge", "--quiet", "--no-report", "--plan", plan, *parts, "--out", out, "--force")
    merged = Done(*took, size(out))
    seconds, peaks, left = zip(*swept)
    return {"plan": made, f"{shards} shards": Done(sum(seconds), max(peaks), sum(left)), "merge": merged}


def check_same(one, other):
    """Ends the program if the tables of two outputs differ."""
    tables = sorted(path.relative_to(one) for path in one.rglob("*.parquet"))
    differing = [table for table in tables if not filecmp.cmp(one / table, other / table, shallow=False)]
    if not tables or differing or tables != sorted(path.relative_to(other) for path in other.rglob("*.parquet")):
        raise SystemExit(f"the tables of the merge are not those of one sweep: {differing}")


def measure(arguments, folder):
    program = arguments.program or str(RELEASE / "dnsweep")
    roots = corpus(folder, arguments.hosts, arguments.files)
    files = arguments.hosts * arguments.files
    first = (arguments.hosts // 10) * arguments.files
    small = stages(program, folder, roots[:1], arguments.shards)
    for part in folder.glob("part-*"):
        part.unlink()
    large = stages(program, folder, roots, arguments.shards)
    if arguments.sweep:
        out = folder / "swept"
        took = run(program, "sweep", "--quiet", "--no-report", *roots, "--out", out)
        large["one sweep"] = Done(*took, size(out))
        check_same(folder / "merged", out)
    rows = []
    for stage, done in large.items():
        # The growth with few files is noise.
        is_measured = stage in small and files - first >= 10_000
        grown = (done.peak - small[stage].peak) * 2**20 / (files - first) if is_measured else None
        rows.append([
            stage,
            f"{done.seconds:,.1f} s",
            f"{files / done.seconds * 60:,.0f}",
            f"{done.peak:,.0f} MiB",
            "" if grown is None else f"{grown:,.0f} bytes",
            f"{done.left / 2**20:,.1f} MiB",
            f"{done.left / files:,.1f} bytes",
        ])
    head = ["stage", "time", "files a minute", "peak memory", "and for each file more", "written", "for each file"]
    compare.table(head, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=100, help="hosts, at least 10")
    parser.add_argument("--files", type=int, default=300, help="files of each host")
    parser.add_argument("--shards", type=int, default=8, help="shards of the plan")
    parser.add_argument("--sweep", action="store_true", help="also sweep everything at once, and compare the tables")
    parser.add_argument("--program", help="the program to measure [default: that of the profile release, built first]")
    arguments = parser.parse_args()
    if arguments.hosts < 10:
        parser.error("expected at least 10 hosts")
    if not arguments.program:
        words = ["cargo", "build", "--locked", "--release", "--quiet", "--workspace", "--bins"]
        subprocess.run(words, cwd=ROOT, check=True)
    extent = f"{arguments.hosts:,} hosts with {arguments.files:,} files each"
    print(f"{compare.machine()}; {extent}; load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(prefix="scale-", dir=ROOT / "target") as folder:
        measure(arguments, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
