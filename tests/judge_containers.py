#!/usr/bin/env python3
"""Checks what dnsweep reads from containers with readers by other authors.

    python tests/judge_containers.py CONTAINERS OUT_DIR

OUT_DIR is the output of a sweep of the folder CONTAINERS with `--hash`. The script reads every `.evtx` in
- each E01 image: the disk by libewf, its shadow copies by libvshadow, and the live files by the Sleuth Kit;
- each zip: by Python's zipfile;
and checks that files.parquet has exactly these logs, each with the same SHA-256 and size. If the sweep read shadow copies
(`--vss`), theirs are compared, too. Deleted files are not compared.

Prints one line for each container. The exit status is 1 if anything disagrees.

    pip install libewf-python libvshadow-python pyarrow pytsk3
"""

import hashlib
import pathlib
import re
import sys
import zipfile

import pyarrow.parquet
import pyewf
import pytsk3
import pyvshadow

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


class Partition:
    """A partition of a disk as a file that libvshadow reads."""

    def __init__(self, disk, start, size):
        self.disk, self.start, self.size, self.position = disk, start, size, 0

    def read(self, size):
        size = max(0, min(size, self.size - self.position))
        data = self.disk.read(self.start + self.position, size)
        self.position += len(data)
        return data

    def seek(self, offset, whence=0):
        self.position = offset + (0, self.position, self.size)[whence]

    def tell(self):
        return self.position

    def get_size(self):
        return self.size


class Snapshot(pytsk3.Img_Info):
    """A shadow copy of a volume, read by libvshadow."""

    def __init__(self, store):
        self.store = store
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def read(self, offset, size):
        return self.store.read_buffer_at_offset(size, offset) if offset < self.get_size() else b""

    def get_size(self):
        return self.store.size


def is_log(name):
    return name.lower().endswith(".evtx")


def account(blocks):
    """Returns the SHA-256 and the size of a file, given its bytes in blocks."""
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def streams_of(entry, name):
    """Yields the name, size, type and number of each stream of a file, of which the first has the file's name."""
    for stream in entry:
        if stream.info.type == pytsk3.TSK_FS_ATTR_TYPE_NTFS_DATA:
            suffix = f":{stream.info.name.decode()}" if stream.info.name else ""
            yield name + suffix, stream.info.size, stream.info.type, stream.info.id


def blocks_of(entry, size, kind, number):
    offset = 0
    while offset < size:
        block = entry.read_random(offset, min(STEP, size - offset), kind, number)
        if not block:
            raise OSError(f"expected {size} bytes, found {offset}")
        yield block
        offset += len(block)


def logs_of_folder(folder, path):
    """Returns the live logs below a folder of a volume, by their paths. A log can be a stream of another file."""
    found = {}
    for entry in folder:
        name, meta = entry.info.name, entry.info.meta
        text = name.name.decode("utf-8", "surrogateescape")
        if meta is None or text in (".", "..", "$OrphanFiles") or not name.flags & pytsk3.TSK_FS_NAME_FLAG_ALLOC:
            continue
        if meta.type == pytsk3.TSK_FS_META_TYPE_DIR:
            found |= logs_of_folder(entry.as_directory(), f"{path}{text}/")
        else:
            # Only before the name of a stream is a colon written as such.
            for stream, size, kind, number in streams_of(entry, text.replace(":", r"\x3A")):
                if is_log(stream):
                    found[path + stream] = account(blocks_of(entry, size, kind, number))
    return found


def snapshots(partition):
    """Returns the shadow copies of a partition, the oldest first."""
    if not pyvshadow.check_volume_signature_file_object(partition):
        return []
    volume = pyvshadow.volume()
    volume.open_file_object(partition)
    return [Snapshot(store) for store in sorted(volume.stores, key=lambda store: store.get_creation_time_as_integer())]


def logs_of_image(path, with_snapshots):
    disk = Disk(path)
    found, number = {}, 0
    for partition in pytsk3.Volume_Info(disk):
        if not partition.flags & pytsk3.TSK_VS_PART_FLAG_ALLOC:
            continue
        number += 1
        place = f"{path.name}!p{number}"
        start = partition.start * 512
        try:
            volume = pytsk3.FS_Info(disk, offset=start)
        except OSError as error:
            # Such as Microsoft's reserved partition. An image without any log fails the check.
            print(f"{path.name}: partition {number} is not compared: {str(error).split(': ')[-1]}")
            continue
        found |= logs_of_folder(volume.open_dir("/"), f"{place}/")
        if with_snapshots:
            for age, snapshot in enumerate(snapshots(Partition(disk, start, partition.len * 512)), 1):
                found |= logs_of_folder(pytsk3.FS_Info(snapshot).open_dir("/"), f"{place}@vss{age}/")
    return found


def logs_of_zip(path):
    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir() and is_log(member.filename):
                with archive.open(member) as file:
                    found[f"{path.name}!{member.filename}"] = account(iter(lambda: file.read(STEP), b""))
    return found


def sha256(by_path, row):
    """Returns the hash of a log. A log of a shadow copy that is unchanged must have that of the log that its note names."""
    while row is not None and row["status"] == "unchanged":
        named = [re.fullmatch("the same bytes as (.*), so that they are not read again", note["note"]) for note in row["notes"]]
        row = next((by_path.get(match[1]) for match in named if match), None)
    return row and row["sha256"]


def main(containers, out):
    columns = ["source_path", "sha256", "size", "deleted_file", "snapshot_time", "status", "notes"]
    table = pyarrow.parquet.read_table(out / "files.parquet", columns=columns, partitioning=None)
    rows = [row for row in table.to_pylist() if not row["deleted_file"]]
    with_snapshots = any(row["snapshot_time"] is not None for row in rows)
    by_path = {row["source_path"]: row for row in rows}
    swept = {path: (sha256(by_path, row), row["size"]) for path, row in by_path.items()}
    wrong, seen = [], set()
    for path in sorted(containers.iterdir()):
        if path.suffix == ".E01":
            expected = logs_of_image(path, with_snapshots)
        elif path.suffix == ".zip":
            expected = logs_of_zip(path)
        else:
            continue
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
