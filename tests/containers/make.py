#!/usr/bin/env python3
"""Makes archives for tests/containers.rs, tests/nested.rs and tests/places.rs. Standard library only.

    python make.py hosts FOLDER TARGET zip|stored|tar.gz|tar.xz|tar.bz2    an archive for each folder in FOLDER
    python make.py CASE LOG TARGET                          an archive, or what is none, with one log in it
"""

import gzip
import io
import json
import pathlib
import struct
import sys
import tarfile
import warnings
import zipfile
import zlib

DIRECTORY, END = b"PK\x01\x02", b"PK\x05\x06"


def hosts(folder, target, kind):
    for host in sorted(pathlib.Path(folder).iterdir()):
        files = [path for path in sorted(host.rglob("*")) if path.is_file()]
        archive = pathlib.Path(target) / f"{host.name}.{'zip' if kind == 'stored' else kind}"
        if kind.startswith("tar."):
            with tarfile.open(archive, f"w:{kind[4:]}") as tar:
                for path in files:
                    tar.add(path, path.relative_to(host))
        else:
            method = zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(archive, "w", method) as zip_:
                for path in files:
                    zip_.write(path, path.relative_to(host))


def zipped(*files, method=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        with zipfile.ZipFile(made, "w") as archive:
            for name, data in files:
                archive.writestr(zipfile.ZipInfo(name), data, method)
    return made.getvalue()


def changed(data, offset, value):
    data = bytearray(data)
    data[offset : offset + len(value)] = value
    return bytes(data)


def nested(log, depth):
    """Returns a log in this many archives, one in the other."""
    inner = zipped(("x.evtx", log))
    for _ in range(depth - 1):
        inner = zipped(("in.zip", inner))
    return inner


def padded(log):
    """Returns an archive of a log that has as many bytes as the log, because a second file fills it up."""

    def filled(length):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr(zipfile.ZipInfo("C/Windows/x.evtx"), log, zipfile.ZIP_DEFLATED)
            archive.writestr(zipfile.ZipInfo("filler"), bytes(length), zipfile.ZIP_STORED)
        return made.getvalue()

    return filled(len(log) - len(filled(0)))


def states_size(log, size):
    archive = zipped(("x.evtx", log))
    stated = struct.pack("<I", size)
    return changed(changed(archive, archive.index(DIRECTORY) + 24, stated), 22, stated)


def overlapping(log):
    """Returns an archive whose directory has the same file twice."""
    archive = zipped(("x.evtx", log))
    start, end = archive.index(DIRECTORY), archive.index(END)
    directory = archive[start:end]
    tail = changed(archive[end:], 8, struct.pack("<HHII", 2, 2, 2 * len(directory), start))
    return archive[:start] + 2 * directory + tail


def flipped(archive):
    return changed(archive, len(archive) // 2, bytes([archive[len(archive) // 2] ^ 0x55]))


def before_zeros(data, size):
    """Returns bytes that are followed by about this many zeros, deflated, and how many bytes these are."""
    block = bytes(16 << 20)
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    head = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush, each block of zeros is packed into the same bytes.
    zeros = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    count = size // len(block)
    return head + zeros * count + packer.flush(), len(data) + count * len(block)


def endless_gzip(data, size):
    return gzip.compress(b"")[:10] + before_zeros(data, size)[0] + bytes(8)


def beside_zeros(log, size):
    """Returns an archive with a small log, and a log that is followed by about this many zeros."""
    data, size = before_zeros(log, size)
    crc = zlib.crc32(log)
    name, extra = b"y.evtx", struct.pack("<HHQ", 1, 8, size)
    fields = struct.pack("<HHHHH", 45, 0, 8, 0, 0x21) + struct.pack("<I", crc)
    made = io.BytesIO(zipped(("x.evtx", log)))
    archive = made.getvalue()
    start = archive.index(DIRECTORY)
    end = archive.index(END)
    local_extra = struct.pack("<HHQQ", 1, 16, size, len(data))
    local = b"PK\3\4" + fields + struct.pack("<IIHH", 0xFFFFFFFF, 0xFFFFFFFF, len(name), len(local_extra))
    entry = DIRECTORY + struct.pack("<H", 45) + fields
    entry += struct.pack("<IIHHHHHII", len(data), 0xFFFFFFFF, len(name), len(extra), 0, 0, 0, 0, start)
    body = archive[:start] + local + name + local_extra + data
    directory = archive[start:end] + entry + name + extra
    tail = changed(archive[end:], 8, struct.pack("<HHII", 2, 2, len(directory), len(body)))
    return body + directory + tail


def in_tar_gz(log):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        member = tarfile.TarInfo("x.evtx")
        member.size = len(log)
        tar.addfile(member, io.BytesIO(log))
    return made.getvalue()


def in_tar(log, size):
    """Returns the first bytes of an archive of a log that is followed by zeros up to this size."""
    member = tarfile.TarInfo("x.evtx")
    member.size = size
    return member.tobuf() + log


def beside_encrypted(name, data):
    """Returns an archive with an encrypted log, and another file that is not encrypted."""
    made = io.BytesIO((pathlib.Path(__file__).parent / "zipcrypto.zip").read_bytes())
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), data)
    return made.getvalue()


def sparse(log):
    """Returns a log with ranges of zeros, and the same without them as Velociraptor stores it: data and index."""
    # An empty chunk lies between two chunks.
    hole = bytes(65536)
    whole = log + hole + log[4096:] + hole
    runs = [(True, len(log)), (False, len(hole)), (True, len(log) - 4096), (False, len(hole))]
    stored, ranges, at = b"", [], 0
    for is_stored, length in runs:
        entry = {"file_offset": len(stored), "original_offset": at, "length": length}
        if is_stored:
            entry["file_length"] = length
            stored += whole[at : at + length]
        ranges.append({name: value for name, value in entry.items() if value})
        at += length
    return whole, stored, json.dumps({"ranges": ranges}).encode()


def velociraptor(log, index=None):
    """Returns a collection by Velociraptor with a sparse log."""
    _, stored, right = sparse(log)
    name = "uploads/ntfs/%5C%5C.%5CC%3A/Logs/Sysmon%254Operational.evtx"
    return zipped((name, stored), (name + ".idx", right if index is None else index), ("y.evtx.idx", right))


CASES = {
    "plain": lambda log: zipped(("x.evtx", log)),
    "nested4": lambda log: nested(log, 4),
    "nested5": lambda log: nested(log, 5),
    "padded": padded,
    "flipped": lambda log: flipped(zipped(("x.evtx", log))),
    # The first block is of a kind that does not exist.
    "broken beginning": lambda log: changed(zipped((name := "x.evtx.bak", log)), 30 + len(name), b"\7"),
    "wrong checksum": lambda log: changed(one := zipped(("x.evtx", log)), one.index(DIRECTORY) + 16, b"\1\2\3\4"),
    "truncated": lambda log: (one := zipped(("x.evtx", log)))[: len(one) // 2],
    "no end": lambda log: zipped(("x.evtx", log))[:-10],
    "too small": lambda log: states_size(log, len(log) - 5000),
    "too large": lambda log: states_size(log, len(log) + 5000),
    "overlapping": overlapping,
    "no zip": lambda log: b"This is no zip. " * 100,
    "empty": lambda log: b"",
    "no files": lambda log: zipped(),
    "names": lambda log: zipped(
        ("a!b/x.evtx", log), ("../../up.evtx", log), ("/abs/x.evtx", log), ("C:\\w\\x.evtx", log), ("é.evtx", log)
    ),
    "not text": lambda log: zipped(("XX.evtx", log)).replace(b"XX.evtx", b"\xff\xfe.evtx"),
    "same name": lambda log: zipped(("x.evtx", log), ("x.evtx", log)),
    "large": lambda log: zipped(("x.evtx", log[:4096] + log[4096:] * 520)),
    "endless": lambda log: beside_zeros(log, 24 << 30),
    "endless gzip": lambda log: endless_gzip(in_tar(log, 24 << 30), 24 << 30),
    "tar.gz cut": lambda log: (packed := in_tar_gz(log))[: len(packed) * 2 // 3],
    "half encrypted": lambda log: beside_encrypted("x.evtx", log),
    "encrypted beside an archive": lambda log: beside_encrypted("in.zip", zipped(("x.evtx", log))),
    "sparse whole": lambda log: sparse(log)[0],
    "sparse stored": lambda log: sparse(log)[1],
    "sparse index": lambda log: sparse(log)[2],
    "velociraptor": velociraptor,
    "velociraptor broken": lambda log: velociraptor(log, b'{"ranges":[{"file_length":9,"length":9}]}'),
    "gzip": lambda log: gzip.compress(log),
}


if __name__ == "__main__":
    if sys.argv[1] == "hosts":
        hosts(*sys.argv[2:])
    else:
        case, log, target = sys.argv[1:]
        pathlib.Path(target).write_bytes(CASES[case](pathlib.Path(log).read_bytes()))
