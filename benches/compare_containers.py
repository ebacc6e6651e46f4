"""Compares a sweep of archives and disk images with a sweep of the same logs in a folder, and with tools that unpack them.

    python3 benches/compare_containers.py             # all figures, in Markdown; 480 MiB of logs
    python3 benches/compare_containers.py --mb 120    # fewer logs

Images need mkntfs and ntfscp (Debian: ntfs-3g), qemu-img (qemu-utils), ewfacquire and ewfexport (ewf-tools), and unzip. Where a tool is missing,
its rows are left out. All files are read once before the measurement. Each figure is the median of several rounds, in each of which all
places are swept one after the other: machines differ and their speed varies, so a time by itself says little.
"""

import argparse
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

from compare import CORPORA, DIST, LARGE_FILE, build, corpus, machine, pair, run, sweep, table, verdict

# The most that a sweep on one thread may take, as a multiple of a sweep of the same logs in a folder.
PLACES = {"stored zip": 1.05, "raw image": 1.10, "VHDX": 1.10}
# How many times as fast two threads should be as one, for places that have to be unpacked.
UNPACKED = ("deflated zip", "E01")
SPEEDUP = 1.7
# The most processor time that a sweep may take, as a multiple of the tool that unpacks the same bytes to /dev/null.
UNPACKER = 1.1
RECORDS = 1_000_000
# The most seconds for listing a volume with that many records in its master file table, on one thread.
LISTING = 3.0


def quietly(*words, **options):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def has(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        print(f"left out: {', '.join(missing)} not found\n")
    return not missing


def name(number):
    """Returns the name of a log in a container. The logs in the folder all have the same name."""
    return f"{number} Microsoft-Windows-Sysmon%4Operational.evtx"


def rewrite(path):
    """Writes a file anew, in large pieces. The system keeps what is written in small pieces in small pages, and then takes twice as long to read it."""
    copy = path.with_suffix(".copy")
    with open(path, "rb") as old, open(copy, "wb") as new:
        shutil.copyfileobj(old, new, 16 << 20)
    copy.rename(path)


def zipped(logs, path, method):
    with zipfile.ZipFile(path, "w", method) as archive:
        for number, log in enumerate(logs):
            archive.write(log, f"C/Windows/System32/winevt/Logs/{name(number)}")


def raw_image(logs, path, megabytes):
    """Makes a volume without a partition table, whose files are the logs."""
    with open(path, "wb") as image:
        image.truncate((megabytes + megabytes // 8 + 64) << 20)
    quietly("mkntfs", "-F", "-Q", path)
    for number, log in enumerate(logs):
        quietly("ntfscp", "-f", path, log, name(number))


def make_places(megabytes):
    """Puts the same logs into a folder and into each kind of container. Returns the path of each place by its name."""
    folder, _ = corpus("containers", "quiet", LARGE_FILE, megabytes)
    logs = sorted(Path(folder).rglob("*.evtx"))
    places = CORPORA / "places"
    shutil.rmtree(places, ignore_errors=True)
    places.mkdir(parents=True)
    made = {"folder": folder, "stored zip": places / "stored.zip", "deflated zip": places / "deflated.zip"}
    zipped(logs, made["stored zip"], zipfile.ZIP_STORED)
    zipped(logs, made["deflated zip"], zipfile.ZIP_DEFLATED)
    if has("mkntfs", "ntfscp"):
        made["raw image"] = places / "disk.raw"
        raw_image(logs, made["raw image"], megabytes)
        if has("qemu-img"):
            made["VHDX"] = places / "disk.vhdx"
            quietly("qemu-img", "convert", "-O", "vhdx", made["raw image"], made["VHDX"])
        if has("ewfacquire"):
            made["E01"] = places / "disk.E01"
            quietly("ewfacquire", "-u", "-c", "fast", "-t", places / "disk", made["raw image"])
    for file in [*logs, *places.iterdir()]:
        rewrite(file)
    os.sync()
    return made


def times(made, runs):
    """Returns the seconds of each run of each place on one and two threads."""
    found = {(place, threads): [] for place in made for threads in (1, 2)}
    for turn in range(runs + 1):
        for place, threads in found:
            seconds, _, _ = sweep(made[place], threads)
            # The first round reads the files into the page cache.
            if turn:
                found[place, threads].append(seconds)
    return found


def ratio(one, other):
    return statistics.median(a / b for a, b in zip(one, other))


def places(made, megabytes, runs):
    found = times(made, runs)
    rows = []
    for place in made:
        to_folder = [ratio(found[place, threads], found["folder", threads]) for threads in (1, 2)]
        speedup = ratio(found[place, 1], found[place, 2])
        words = ["", ""]
        if bound := PLACES.get(place):
            words = [f"{bound:.2f} × the folder", verdict(max(to_folder), bound)]
        elif place in UNPACKED:
            words = [f"{SPEEDUP:.1f} × as fast on two threads", "met" if speedup >= SPEEDUP else "**missed**"]
        rate = f"{megabytes / statistics.median(found[place, 1]):,.0f} MiB/s"
        rows.append([place, f"{to_folder[0]:.2f} ×", f"{to_folder[1]:.2f} ×", f"{speedup:.2f} ×", *words, rate])
    head = ["logs in", "time, as a multiple of the folder's, one thread", "two threads", "two threads are faster by", "target", "", "rate, one thread"]
    table(head, rows)


def processor_time(command):
    """Runs a process. Returns the seconds of processor time that it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 0, 0


def unpackers(made, runs):
    export = ["ewfexport", "-q", "-u", "-f", "raw", "-t", "-"]
    tools = [("deflated zip", ["unzip", "-p"]), ("E01", export)]
    rows = []
    for place, words in tools:
        if place not in made or not has(words[0]):
            continue
        ours = lambda: processor_time(lambda: sweep(made[place], 1))
        others = lambda: processor_time(lambda: run([*words, str(made[place])]))
        pairs = pair(runs, ours, others)
        rows.append([place, f"{pairs.ratio:.2f} × {words[0]}", f"{UNPACKER:.2f}", verdict(pairs.ratio, UNPACKER)])
    table(["logs in", "processor time of a sweep", "target", ""], rows)


def record(number):
    """Returns a record of a master file table for a small file in the root folder."""
    name = f"file{number}.txt".encode("utf-16-le")
    times = struct.pack("<4Q", *[133_000_000_000_000_000] * 4)
    parent = 5 | 5 << 48
    file_name = struct.pack("<Q", parent) + times + struct.pack("<QQII", 0, 0, 0x20, 0) + bytes([len(name) // 2, 3]) + name
    attributes = b""
    for kind, value in ((0x10, times + bytes(40)), (0x30, file_name), (0x80, b"")):
        length = (24 + len(value) + 7) // 8 * 8
        attributes += struct.pack("<IIBBHHHIHBB", kind, length, 0, 0, 24, 0, 0, len(value), 24, kind == 0x30, 0)
        attributes += value.ljust(length - 24, b"\0")
    used = 0x38 + len(attributes) + 8
    head = struct.pack("<4sHHQHHHHIIQHHI", b"FILE", 0x30, 3, 0, 1, 1, 0x38, 1, used, 1024, 0, 3, 0, number)
    whole = bytearray((head.ljust(0x38, b"\0") + attributes + b"\xff\xff\xff\xff\0\0\0\0").ljust(1024, b"\0"))
    # The last two bytes of each sector move into the record's header.
    for place, end in ((0x32, 510), (0x34, 1022)):
        whole[place : place + 2], whole[end : end + 2] = whole[end : end + 2], b"\1\0"
    whole[0x30:0x32] = b"\1\0"
    return bytes(whole)


def volume_of_records(path, count):
    """Makes a volume whose master file table has `count` records in one run."""
    cluster, first_record = 4096, 64
    size = (count * 1024) + (64 << 20)
    with open(path, "wb") as image:
        image.truncate(size)
    quietly("mkntfs", "-F", "-Q", "-c", str(cluster), path)
    with open(path, "r+b") as image:
        boot = bytearray(image.read(512))
        image.seek(struct.unpack_from("<Q", boot, 48)[0] * cluster)
        old = bytearray(image.read(first_record * 1024))
        # Records that mkntfs has not written are free.
        for number in range(first_record):
            if old[number * 1024 : number * 1024 + 4] != b"FILE":
                old[number * 1024 : (number + 1) * 1024] = bytes(1024)
        start, clusters = (60 << 20) // cluster, count * 1024 // cluster
        at = struct.unpack_from("<H", old, 20)[0]
        while (kind := struct.unpack_from("<I", old, at)[0]) != 0x80:
            assert kind < 0x80, "the first record describes the table's bytes"
            at += struct.unpack_from("<I", old, at + 4)[0]
        runs = struct.unpack_from("<H", old, at + 32)[0]
        struct.pack_into("<QQHHIQQQ", old, at + 16, 0, clusters - 1, runs, 0, 0, *[count * 1024] * 3)
        old[at + runs : at + runs + 8] = b"\x33" + clusters.to_bytes(3, "little") + start.to_bytes(3, "little") + b"\0"
        struct.pack_into("<Q", boot, 48, start)
        image.seek(0)
        image.write(boot)
        image.seek(start * cluster)
        image.write(old)
        image.writelines(record(number) for number in range(first_record, count))


def listing(runs):
    if not has("mkntfs"):
        return
    path = CORPORA / "records.raw"
    volume_of_records(path, RECORDS)
    # The volume has no log, which is the exit status 4.
    seconds = [sweep(path, 1, statuses=(4,))[0] for _ in range(runs + 1)][1:]
    median = statistics.median(seconds)
    path.unlink()
    words = [f"{RECORDS:,}", f"{median:.2f} s", f"{LISTING:.1f} s", verdict(median, LISTING)]
    table(["records in the master file table", "a sweep on one thread takes", "target", ""], [words])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=480, help="MiB of logs")
    parser.add_argument("--runs", type=int, default=9, help="rounds of runs")
    arguments = parser.parse_args()
    build(DIST)
    print(f"{machine()}; {arguments.mb:,} MiB of logs; medians of {arguments.runs} rounds.\n")
    made = make_places(arguments.mb)
    places(made, arguments.mb, arguments.runs)
    unpackers(made, arguments.runs)
    listing(arguments.runs)
    shutil.rmtree(CORPORA / "places")
    return 0


if __name__ == "__main__":
    sys.exit(main())
