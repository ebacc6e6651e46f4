#!/usr/bin/env python3
"""Checks what dnsweep reads from containers with readers by other authors.

    python tests/judge_containers.py CONTAINERS OUT_DIR

OUT_DIR is the output of a sweep of the folder CONTAINERS with `--hash`. The script reads every `.evtx` in
- each E01 image: the disk by libewf, the live files of its volumes by the Sleuth Kit;
- each zip: by Python's zipfile;
and checks that files.parquet has exactly these logs, each with the same SHA-256 and size. Logs that dnsweep found in
shadow copies and deleted files are not compared.

Prints one line for each container. The exit status is 1 if anything disagrees.

    pip install libewf-python pyarrow pytsk3
"""

import hashlib
import pathlib
import sys
import zipfile

import pyarrow.parquet
import pyewf
import pytsk3

STEP = 1 << 20


class Disk(pytsk3.Img_Info):
    """The disk in an E01 image, read by libewf."""

    def __init__(self, path):
        self.handle = pyewf.handle()
        self.handle.open(pyewf.glob(str(path)))
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def read(self, offset, size):
        return self.handle.read_buffer_at_offset(size, offset) if offset < self.get_size() else b""

    def get_size(self):
        return self.handle.get_media_size()


def is_log(name):
    return name.lower().endswith(".evtx")


def account(blocks):
    """Returns the SHA-256 and the size of a file, given its bytes in blocks."""
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def blocks_of(entry):
    offset, size = 0, entry.info.meta.size
    while offset < size:
        block = entry.read_random(offset, min(STEP, size - offset))
        if not block:
            raise OSError(f"expected {size} bytes, found {offset}")
        yield block
        offset += len(block)


def logs_of_folder(folder, path):
    """Returns the live logs below a folder of a volume, by their paths."""
    found = {}
    for entry in folder:
        name, meta = entry.info.name, entry.info.meta
        text = name.name.decode("utf-8", "surrogateescape")
        if meta is None or text in (".", "..", "$OrphanFiles") or not name.flags & pytsk3.TSK_FS_NAME_FLAG_ALLOC:
            continue
        if meta.type == pytsk3.TSK_FS_META_TYPE_DIR:
            found |= logs_of_folder(entry.as_directory(), f"{path}{text}/")
        elif is_log(text):
            found[path + text] = account(blocks_of(entry))
    return found


def logs_of_image(path):
    disk = Disk(path)
    found, number = {}, 0
    for partition in pytsk3.Volume_Info(disk):
        if not partition.flags & pytsk3.TSK_VS_PART_FLAG_ALLOC:
            continue
        number += 1
        try:
            volume = pytsk3.FS_Info(disk, offset=partition.start * 512)
        except OSError as error:
            # Such as Microsoft's reserved partition. An image without any log fails the check.
            print(f"{path.name}: partition {number} is not compared: {str(error).split(': ')[-1]}")
            continue
        found |= logs_of_folder(volume.open_dir("/"), f"{path.name}!p{number}/")
    return found


def logs_of_zip(path):
    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir() and is_log(member.filename):
                with archive.open(member) as file:
                    found[f"{path.name}!{member.filename}"] = account(iter(lambda: file.read(STEP), b""))
    return found


def main(containers, out):
    columns = ["source_path", "sha256", "size", "deleted_file", "snapshot_time"]
    table = pyarrow.parquet.read_table(out / "files.parquet", columns=columns, partitioning=None)
    rows = [row for row in table.to_pylist() if not row["deleted_file"] and row["snapshot_time"] is None]
    swept = {row["source_path"]: (row["sha256"], row["size"]) for row in rows}
    wrong, seen = [], set()
    for path in sorted(containers.iterdir()):
        reader = {".E01": logs_of_image, ".zip": logs_of_zip}.get(path.suffix)
        if reader is None:
            continue
        expected = reader(path)
        if not expected:
            wrong.append(f"{path.name}: no log found")
        for name, facts in expected.items():
            if swept.get(name) != facts:
                wrong.append(f"{name}: dnsweep has {swept.get(name)}, the other reader {facts}")
        seen |= set(expected)
        print(f"{path.name}: {len(expected)} logs, {sum(size for _, size in expected.values())} bytes")
    wrong += [f"{name}: only dnsweep has it" for name in sorted(set(swept) - seen)]
    for what in wrong:
        print(what, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
