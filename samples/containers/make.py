#!/usr/bin/env python3
"""Makes the containers of this folder from `samples/evidence`: a triage zip, and a disk image.

    python samples/containers/make.py

Needs the Debian packages ntfs-3g, fuse3, ewf-tools and sleuthkit, and root: ntfs-3g opens /dev/fuse. It mounts the
volume in a mount namespace of its own, so nothing is mounted that anybody else sees. The zip is the same whenever it is
made; the image is not, because NTFS and the imager store the time. What is in both always is the same.
"""

import datetime
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time
import uuid
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
EVIDENCE = HERE.parent / "evidence"
LOGS = "Windows/System32/winevt/Logs"

COLLECTED = (2025, 3, 5, 9, 12, 40)
TRIAGE = "2025-03-05T091240_KapeTriage_COL-SRV02"
DELETED = "Archive-Microsoft-Windows-Sysmon%4Operational-2025-03-03-19-40-12-501.evtx"

SECTOR = 512
CLUSTER = 4096
VOLUME_BYTES = 6 << 20
VOLUME_START = 1 << 20
STORE_BYTES = 1 << 20

# Volume Shadow Copies, after libvshadow's documentation of the format.
VSS_BLOCK = 16384
VSS_ID = uuid.UUID("3808876b-c176-4e48-b7ae-04046e6cc752")
STORE_ID = uuid.UUID("600f0b11-5bdf-11e3-9d6c-005056c00008")
SNAPSHOT_TIME = datetime.datetime(2025, 3, 4, 22, 0, tzinfo=datetime.timezone.utc)
VOLUME_HEADER, CATALOG, BLOCK_LIST, STORE, STORE_RANGES, STORE_BITMAP = 1, 2, 3, 4, 5, 6


def make_zip():
    """Makes a triage zip in KAPE's arrangement: a folder for the drive, deflated files, and its log of copied files."""
    host = EVIDENCE / "COL-SRV02"
    rows = ["CopiedTimestamp,SourceFile,DestinationFile,FileSize,SourceFileSha1,DeferredCopy,CreatedOnUtc,ModifiedOnUtc"]
    with zipfile.ZipFile(HERE / f"{TRIAGE}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as triage:

        def add(name, data):
            triage.writestr(zipfile.ZipInfo(name, COLLECTED), data, zipfile.ZIP_DEFLATED, 9)

        for path in sorted(host.rglob("*")):
            if not path.is_file():
                continue
            name = path.name
            add(f"C/Windows/System32/winevt/logs/{name}", path.read_bytes())
            source = rf"C:\Windows\System32\winevt\logs\{name}"
            target = rf"E:\triage\C\Windows\System32\winevt\logs\{name}"
            rows.append(f"2025-03-05 09:12:40.0000000,{source},{target},{path.stat().st_size},,False,,")
        add("2025-03-05T09_12_40_1834561_CopyLog.csv", "\r\n".join(rows) + "\r\n")


def in_volume(volume, script, *arguments):
    """Mounts a volume, and runs a shell script in its root folder."""
    mount = volume.parent / "mount"
    mount.mkdir(exist_ok=True)
    outer = (
        'ntfs-3g "$1" "$2" -o no_detach & until mountpoint -q "$2" || ! kill -0 $!; do sleep 0.1; done; '
        f'cd "$2"; shift 2; {script}; cd /; fusermount3 -u "$OLDPWD"; wait'
    )
    command = ["timeout", "60", "unshare", "-m", "bash", "-euc", outer, "-", str(volume), str(mount), *map(str, arguments)]
    subprocess.run(command, check=True)


def first_run(volume, name):
    """Returns the offset of a file that lies in one run of clusters."""
    listed = subprocess.run(["fls", "-r", "-p", volume], capture_output=True, text=True, check=True).stdout
    record = next(line.split("\t")[0].split(" ")[-1].rstrip(":") for line in listed.splitlines() if name in line)
    described = subprocess.run(["istat", volume, record], capture_output=True, text=True, check=True).stdout
    words = [line.split() for line in described.splitlines()]
    clusters = [int(word) for line in words if line and all(w.isdigit() for w in line) for word in line]
    assert clusters == list(range(clusters[0], clusters[0] + len(clusters))), f"{name} is fragmented"
    return clusters[0] * CLUSTER


def add_shadow_copy(before, live, catalog, store):
    """Returns the live volume with a shadow copy of what it was before."""
    image = bytearray(live)

    def put(offset, data):
        image[offset : offset + len(data)] = data

    def block(kind, relative, offset, body, size=0):
        header = VSS_ID.bytes_le + struct.pack("<IIQQQQ", 1, kind, relative, offset, 0, size)
        return header.ljust(128, b"\0") + body.ljust(VSS_BLOCK - 128, b"\0")

    # Blocks are of 16 KiB, and files begin anywhere: the blocks are those that lie in the files as a whole.
    catalog, store = (-(-offset // VSS_BLOCK) * VSS_BLOCK for offset in (catalog, store))
    store_bytes = STORE_BYTES - VSS_BLOCK
    own = {catalog // VSS_BLOCK} | set(range(store // VSS_BLOCK, (store + store_bytes) // VSS_BLOCK))
    changed = [
        offset
        for offset in range(0, len(live), VSS_BLOCK)
        if offset // VSS_BLOCK not in own
        and before[offset : offset + VSS_BLOCK] != live[offset : offset + VSS_BLOCK]
    ]
    block_list, ranges, bitmap, data = (store + number * VSS_BLOCK for number in range(1, 5))
    assert len(changed) <= (VSS_BLOCK - 128) // 32 and data + len(changed) * VSS_BLOCK <= store + store_bytes

    machine = "FIN-WS07.corp.example".encode("utf-16le")
    machine = struct.pack("<H", len(machine)) + machine
    set_id, copy_id = uuid.UUID(int=STORE_ID.int + 1).bytes_le, uuid.UUID(int=STORE_ID.int + 2).bytes_le
    described = bytes(16) + copy_id + set_id + struct.pack("<IIII", 0x1D, 1, 0x00420009, 0) + machine * 2
    put(store, block(STORE, 0, store, described, len(described)))
    descriptors = b""
    for number, offset in enumerate(changed):
        kept = data + number * VSS_BLOCK
        put(kept, before[offset : offset + VSS_BLOCK])
        descriptors += struct.pack("<QQQII", offset, kept - store, kept, 0, 0)
    put(block_list, block(BLOCK_LIST, block_list - store, block_list, descriptors))
    put(ranges, block(STORE_RANGES, ranges - store, ranges, struct.pack("<QQQ", store, 0, store_bytes)))
    bits = bytearray(VSS_BLOCK - 128)
    for number in own:
        bits[number // 8] |= 1 << number % 8
    put(bitmap, block(STORE_BITMAP, bitmap - store, bitmap, bytes(bits)))

    since = SNAPSHOT_TIME - datetime.datetime(1601, 1, 1, tzinfo=datetime.timezone.utc)
    filetime = (since.days * 86_400 + since.seconds) * 10_000_000
    identity = STORE_ID.bytes_le
    entries = struct.pack("<QQ16sQQQ", 2, len(live), identity, 1, 0x40, filetime).ljust(128, b"\0")
    entries += struct.pack(
        "<QQ16sQQQQQQQ", 3, block_list, identity, store, ranges, bitmap, 0x1000000000028, store_bytes, 0, 0
    ).ljust(128, b"\0")
    put(catalog, block(CATALOG, 0, catalog, entries))
    volume = uuid.UUID(int=STORE_ID.int + 3).bytes_le
    header = struct.pack("<IIQQQQQ", 1, VOLUME_HEADER, 0x1E00, 0x1E00, 0, catalog, 0)
    put(0x1E00, VSS_ID.bytes_le + header + volume + volume + struct.pack("<I", 1))
    return bytes(image)


def gpt_disk(volume):
    """Returns a disk with a GUID partition table and this volume in its only partition."""
    entries_sectors = 128 * 128 // SECTOR
    first_usable = 2 + entries_sectors
    start, sectors = VOLUME_START // SECTOR, len(volume) // SECTOR
    total = start + sectors + entries_sectors + 1
    kind = uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7").bytes_le
    identity = uuid.UUID(int=STORE_ID.int + 4).bytes_le
    name = "Basic data partition".encode("utf-16le").ljust(72, b"\0")
    entries = kind + identity + struct.pack("<QQQ", start, start + sectors - 1, 0) + name
    entries = entries.ljust(128 * 128, b"\0")

    def header(own, other, table):
        disk = uuid.UUID(int=STORE_ID.int + 5).bytes_le
        usable = (first_usable, total - entries_sectors - 2)
        fields = (b"EFI PART", 0x10000, 92, 0, 0, own, other, *usable, disk, table, 128, 128, zlib.crc32(entries))
        packed = bytearray(struct.pack("<8sIIIIQQQQ16sQIII", *fields))
        struct.pack_into("<I", packed, 16, zlib.crc32(packed))
        return bytes(packed).ljust(SECTOR, b"\0")

    protective = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff\xff\xff", 1, total - 1)
    disk = bytes(446) + protective.ljust(64, b"\0") + b"\x55\xaa" + header(1, total - 1, 2) + entries
    disk = disk.ljust(VOLUME_START, b"\0") + volume + entries
    return disk + header(total - 1, 1, total - 1 - entries_sectors)


def make_image(work):
    """Makes an image of a disk with one volume: live logs, a deleted one, and a shadow copy that still has it."""
    before, live = work / "before.raw", work / "live.raw"
    before.write_bytes(bytes(VOLUME_BYTES))
    subprocess.run(["mkntfs", "-F", "-Q", "-q", "-L", "SYSTEM", "-c", str(CLUSTER), before], check=True, stderr=subprocess.DEVNULL)
    information = "System Volume Information"
    in_volume(
        before,
        f'mkdir -p "{LOGS}" "{information}"; head -c 65536 /dev/zero > "{information}/$1"; '
        f'head -c {STORE_BYTES} /dev/zero > "{information}/$2"; cp "$3"/* "{LOGS}/"',
        f"{{{VSS_ID}}}",
        f"{{{STORE_ID}}}{{{VSS_ID}}}",
        EVIDENCE / "FIN-WS07" / LOGS,
    )
    shutil.copy(before, live)
    in_volume(live, f'rm "{LOGS}/$1"', DELETED)
    catalog = first_run(live, f"{information}/{{{VSS_ID}}}")
    store = first_run(live, f"{information}/{{{STORE_ID}}}")
    disk = gpt_disk(add_shadow_copy(before.read_bytes(), live.read_bytes(), catalog, store))
    statements = ["-C", "2025-017", "-D", "Sample of dnsweep", "-E", "1", "-e", "Corp Example", "-N", "Invented"]
    options = ["-q", "-c", "best", "-f", "encase6", "-t", HERE / "FIN-WS07", *statements]
    subprocess.run(["ewfacquirestream", *options], input=disk, check=True, stdout=subprocess.DEVNULL)


def main():
    for old in [*HERE.glob("*.zip"), *HERE.glob("*.E*")]:
        old.unlink()
    make_zip()
    with tempfile.TemporaryDirectory() as work:
        make_image(pathlib.Path(work))


if __name__ == "__main__":
    main()
