"""Compares a sweep with `cat` of the same files, and with `evtx_dump` if it is installed.

    python3 benches/compare.py              # all figures, in Markdown; 2048 MiB of each kind of evidence, 8 GiB of one
    python3 benches/compare.py --mb 256     # less evidence
    python3 benches/compare.py --check      # for CI: little evidence, and one generous bound

All files are read once before the measurement, so that they are in the page cache. Each figure is the median of
several runs, each ratio the median of pairs of runs, one directly after the other: machines differ and their speed varies, so a time by
itself says little. `evtx_dump` is a reader by another author: `cargo install evtx`.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CORPORA = ROOT / "target" / "corpora"
# The profile that users build, and the one that is shipped. CI builds the first; all other figures are of the second.
RELEASE, DIST = "release", "dist"
BIG_FILE, LARGE_FILE, SMALL_FILE = None, 20 * 1024, 68
# Name, mix, KiB per file, and the targets for the ratio to cat on one thread and on two. A sweep of one big file may take at most a tenth
# longer than one of the quiet kind in many files.
KINDS = [
    ("quiet", "quiet", LARGE_FILE, 1.2, 0.7),
    ("chatty", "chatty", LARGE_FILE, 1.6, 0.9),
    ("big", "quiet", BIG_FILE, None, None),
]
BIG_TO_QUIET = 1.1
# The most that the program of the users' profile may take, as a multiple of the shipped program's time.
RELEASE_TO_DIST = 1.1
# The factor by which memory may grow with four times the evidence.
MEMORY_GROWTH = 1.1
SMALL_FILES = 50_000
# CI's bound for the quiet kind on one thread. A sweep takes 1.25 to 2.1 × cat, depending on how fast the machine is at
# each, so one that is twice as slow as usual fails on most machines. The page is left out: it reads no evidence.
CHECK_BOUND = 2.6


def build(profile):
    words = ["cargo", "build", "--locked", "--profile", profile, "--quiet", "--package", "dnsweep", "--bin", "dnsweep"]
    subprocess.run(words, cwd=ROOT, check=True)


def corpus(name, mix, kibibytes, megabytes):
    """Writes a folder of evidence anew. Returns the folder and a list of its files."""
    folder = CORPORA / name
    shutil.rmtree(folder, ignore_errors=True)
    per_file = kibibytes or megabytes * 1024
    command = ["cargo", "run", "--locked", "--release", "--quiet", "--package", "dnsweep-samples", "--"]
    words = ["corpus", mix, str(megabytes), str(per_file), str(folder)]
    subprocess.run(command + words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    # Writes that are still pending would disturb the measurement.
    os.sync()
    # The list is not read into this process, because a child's peak memory includes that of its parent at the start.
    listed = CORPORA / f"{name}.list"
    with open(listed, "wb") as file:
        subprocess.run(["find", str(folder), "-type", "f", "-print0"], stdout=file, check=True)
    return folder, listed


def run(command, statuses=(0,)):
    """Runs a process, which must end with one of these statuses. Returns its seconds, its peak memory in MiB, and its seconds in the kernel, as
    the system counts them."""
    with open(os.devnull, "wb") as nowhere:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in statuses:
        raise SystemExit(f"{command[0]} ended with {process.returncode}, expected {statuses}")
    return seconds, usage.ru_maxrss / 1024, usage.ru_stime


def sweep(folder, threads, *options, profile=DIST, statuses=(0,)):
    program = ROOT / "target" / profile / "dnsweep"
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as out:
        words = ["sweep", "--quiet", "--no-report", "--threads", str(threads), str(folder), "--out", f"{out}/out"]
        return run([str(program), *words, *options], statuses)


def cat(listed):
    return run(["xargs", "-0", "-a", str(listed), "cat"])


def evtx_dump(listed, processes):
    """Runs one process for each file, `processes` at a time."""
    return run(["xargs", "-0", "-n", "1", "-P", str(processes), "-a", str(listed), "evtx_dump", "-t", "1", "-o", "jsonl"])


class Pairs(NamedTuple):
    """Medians of runs of one command, each directly followed by a run of another."""

    # The ratio of the first command's time to the second's, the first one's seconds, and the ratio of its time in the kernel to the second's time.
    ratio: float
    seconds: float
    system: float
    # The first command's peak memory in MiB: the highest and the median.
    peak: float
    memory: float


def pair(runs, one, other):
    one(), other()
    pairs = [(one(), other()) for _ in range(runs)]
    median = statistics.median
    return Pairs(
        ratio=median(first[0] / second[0] for first, second in pairs),
        seconds=median(first[0] for first, _ in pairs),
        system=median(first[2] / second[0] for first, second in pairs),
        peak=max(first[1] for first, _ in pairs),
        memory=median(first[1] for first, _ in pairs),
    )


def verdict(found, bound):
    return "met" if found <= bound else "**missed**"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def against_cat(megabytes, runs):
    rows, quiet = [], {}
    for name, mix, kibibytes, *bounds in KINDS:
        folder, listed = corpus(name, mix, kibibytes, megabytes)
        for options in ([], ["--checksums"]) if name == "quiet" else ([],):
            for threads, bound in zip((1, 2), bounds):
                pairs = pair(runs, lambda: sweep(folder, threads, *options), lambda: cat(listed))
                if name == "quiet":
                    quiet.setdefault(threads, pairs.ratio)
                words = ["", ""]
                if not options:
                    bound = bound or quiet[threads] * BIG_TO_QUIET
                    words = [f"{bound:.2f}", verdict(pairs.ratio, bound)]
                row = [" ".join([name, *options]), str(threads), f"{pairs.ratio:.2f} × cat"] + words
                row += [f"{pairs.system:.2f} × cat", f"{megabytes / pairs.seconds:,.0f} MiB/s", f"{pairs.peak:.0f} MiB"]
                rows.append(row)
        shutil.rmtree(folder)
    head = ["evidence", "threads", "a sweep takes", "target", "", "processor time in the system", "rate", "peak memory"]
    table(head, rows)


def against_evtx_dump(megabytes, runs):
    folder, listed = corpus("dense", "dense", LARGE_FILE, megabytes)
    rows = []
    for threads in (1, 2):
        if shutil.which("evtx_dump"):
            pairs = pair(runs, lambda: sweep(folder, threads), lambda: evtx_dump(listed, threads))
            words = [f"{pairs.ratio:.2f} × evtx_dump", "1.00", verdict(pairs.ratio, 1.0)]
        else:
            pairs = pair(runs, lambda: sweep(folder, threads), lambda: cat(listed))
            words = [f"{pairs.ratio:.2f} × cat (no evtx_dump here)", "", ""]
        rate = f"{megabytes / pairs.seconds:,.0f} MiB/s"
        rows.append(["dense", str(threads)] + words + [rate, f"{pairs.peak:.0f} MiB"])
    shutil.rmtree(folder)
    table(["evidence", "threads or processes", "a sweep takes", "target", "", "rate", "peak memory"], rows)


def profiles(megabytes, runs):
    """Compares the program of the users' profile with the shipped one."""
    rows = []
    for name in ("quiet", "dense"):
        folder, _ = corpus(name, name, LARGE_FILE, megabytes)
        for threads in (1, 2):
            pairs = pair(runs, lambda: sweep(folder, threads, profile=RELEASE), lambda: sweep(folder, threads))
            words = [f"{pairs.ratio:.2f} × dist", f"{RELEASE_TO_DIST:.2f}", verdict(pairs.ratio, RELEASE_TO_DIST)]
            rows.append([name, str(threads), *words])
        shutil.rmtree(folder)
    table(["evidence", "threads", "a sweep by release takes", "target", ""], rows)


def small_files(megabytes, runs):
    # The target's number of files; fewer if less evidence was requested.
    megabytes = SMALL_FILES * SMALL_FILE // 1024 if megabytes >= 2048 else megabytes
    folder, listed = corpus("small", "quiet", SMALL_FILE, megabytes)
    pairs = pair(runs, lambda: sweep(folder, 2), lambda: cat(listed))
    count = (megabytes << 10) // SMALL_FILE
    rate = count / pairs.seconds
    words = [f"{count:,} files of 68 KiB", "2", f"{rate:,.0f} files/s", "10,000", "met" if rate >= 10_000 else "**missed**"]
    shutil.rmtree(folder)
    table(["evidence", "threads", "a sweep reads", "target", "", "ratio", "peak memory"], [words + [f"{pairs.ratio:.2f} × cat", f"{pairs.peak:.0f} MiB"]])


def growth(megabytes, runs):
    """Measures time and memory of growing evidence of the same mix. Memory has a target for four times the least evidence, and none for eight times.
    What several threads need at once differs from run to run, so medians are compared."""
    rows, least = [], {}
    for size in (megabytes // 2, megabytes, megabytes * 2, megabytes * 4):
        folder, listed = corpus("growth", "chatty", LARGE_FILE, size)
        for threads in (1, 2, 4, 8):
            pairs = pair(runs, lambda: sweep(folder, threads), lambda: cat(listed))
            grown = pairs.memory / least.setdefault(threads, pairs.memory)
            words = [f"{MEMORY_GROWTH:.2f}", verdict(grown, MEMORY_GROWTH)] if size == megabytes * 2 else ["", ""]
            row = [f"{size:,} MiB, chatty", str(threads), f"{pairs.ratio:.2f} × cat", f"{size / pairs.seconds:,.0f} MiB/s"]
            rows.append(row + [f"{pairs.memory:.1f} MiB", f"{grown:.2f} × the least", *words])
        shutil.rmtree(folder)
    table(["evidence", "threads", "a sweep takes", "rate", "peak memory, median", "grown to", "target", ""], rows)


def machine():
    model = "processor unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return f"{model}, {os.cpu_count()} cores, {memory} GiB, {platform.system()}"


def check():
    """The comparison for CI: a regression by a factor of two fails."""
    folder, listed = corpus("check", "quiet", LARGE_FILE, 512)
    pairs = pair(9, lambda: sweep(folder, 1, profile=RELEASE), lambda: cat(listed))
    shutil.rmtree(folder)
    print(f"a quiet sweep on one thread takes {pairs.ratio:.2f} × cat (bound {CHECK_BOUND}), {pairs.peak:.0f} MiB (bound 200)")
    return 0 if pairs.ratio <= CHECK_BOUND and pairs.peak <= 200 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=2048, help="MiB of each kind of evidence")
    parser.add_argument("--runs", type=int, default=9, help="pairs of runs for each figure")
    parser.add_argument("--check", action="store_true", help="the small comparison of CI")
    arguments = parser.parse_args()
    build(RELEASE)
    if arguments.check:
        return check()
    build(DIST)
    print(f"{machine()}; {arguments.mb:,} MiB of each kind; medians of {arguments.runs} pairs.\n")
    against_cat(arguments.mb, arguments.runs)
    against_evtx_dump(arguments.mb, arguments.runs)
    profiles(arguments.mb, arguments.runs)
    growth(arguments.mb, max(3, arguments.runs // 2 + 1))
    # This is last, because the many names make this process larger, and its children's peak memory includes that.
    small_files(arguments.mb, arguments.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
