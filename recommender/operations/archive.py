"""The file of a backup: a tar with the rows of every table, the models' folder, and a manifest that comes last.

    database/<table>/<number>.jsonl.gz   rows, some megabytes at a time, in the order of the primary key
    models/<path>                        the models' folder as it was
    manifest.json                        schema, counts and digests of tables, size and SHA-256 of every file
    manifest.json.sha256                 the digest of the manifest itself

It comes last so that the file is written in one go, and one that is cut off has none.
"""

import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from recommender.errors import InvalidInput
from recommender.store.dump import TableShape, TableSummary, from_line

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_DIGEST = "manifest.json.sha256"
MODELS = "models"
CHUNK_BYTES = 4 << 20  # of lines, before they are packed
MAX_UNPACKED = 1 << 30  # of one chunk: a line is at most the largest value, which no database here has above this
_READ = 1 << 20
_CHUNK = re.compile(r"database/([a-z_]+)/(\d{6})\.jsonl\.gz")
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `files` are sizes and digests by name; `made` is ISO 8601, UTC."""

    software: str
    made: str
    database: str
    schema: str
    tables: Sequence[TableSummary]
    files: Mapping[str, tuple[int, str]]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)

    def models(self) -> dict[str, str]:
        """The digests of the files of the models' folder, by their paths in it."""
        prefix = f"{MODELS}/"
        return {name.removeprefix(prefix): file[1] for name, file in self.files.items() if name.startswith(prefix)}


class ArchiveWriter:
    """Writes a backup into a stream, front to back."""

    def __init__(self, stream: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed by `finish`
        self._files: dict[str, tuple[int, str]] = {}

    def add_table(self, shape: TableShape, lines: Iterator[bytes]) -> TableSummary:
        """Adds the rows of a table, some megabytes at a time."""
        digest, rows = hashlib.sha256(), 0
        for part, chunk in enumerate(_chunks(lines), start=1):
            data = b"".join(chunk)
            digest.update(data)
            rows += len(chunk)
            packer = zlib.compressobj(wbits=_GZIP)
            self._add(f"database/{shape.name}/{part:06}.jsonl.gz", packer.compress(data) + packer.flush())
        return TableSummary(shape, rows, digest.hexdigest())

    def add_models(self, folder: Path) -> None:
        """Adds the files of the models' folder. Raises InvalidInput for a link, which no backup can hold."""
        for path in model_files(folder):
            self._add(f"{MODELS}/{path}", (folder / path).read_bytes())

    def finish(self, software: str, made: str, database: str, schema: str, tables: Sequence[TableSummary]) -> Manifest:
        """Adds the manifest and ends the tar; the stream stays open."""
        manifest = Manifest(software, made, database, schema, tables, dict(self._files))
        text = _to_json(manifest)
        self._add(MANIFEST, text)
        self._add(MANIFEST_DIGEST, hashlib.sha256(text).hexdigest().encode())
        self._tar.close()
        return manifest

    def _add(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o600
        self._tar.addfile(member, io.BytesIO(data))
        self._files[name] = (len(data), hashlib.sha256(data).hexdigest())


class ArchiveReader:
    """A backup that has been read through once: every file in it is the one of its manifest."""

    def __init__(self, path: Path, tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> None:
        self._path = path
        self._tar = tar
        self._members = members
        self.manifest = self._checked_manifest()

    def rows(self, table: TableSummary) -> Iterator[list[list[Any]]]:
        """The rows of a table, a chunk at a time. Raises InvalidInput for one that is not of its columns."""
        kinds = list(table.shape.columns.values())
        for name in sorted(name for name in self._members if _table_of(name) == table.shape.name):
            lines = self._unpacked(name).splitlines(keepends=True)
            try:
                yield [from_line(line, kinds) for line in lines]
            except (ValueError, RecursionError) as error:
                raise InvalidInput(f"{self._path}: {name} holds a line that is not a row: {error}") from error

    def put_models(self, folder: Path) -> None:
        """Writes the files of the models' folder into an empty one."""
        for path in self.manifest.models():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as written:
                for data in self._read(f"{MODELS}/{path}"):
                    written.write(data)

    def _checked_manifest(self) -> Manifest:
        text = b"".join(self._read(MANIFEST))
        if hashlib.sha256(text).hexdigest().encode() != b"".join(self._read(MANIFEST_DIGEST)):
            raise self._damaged(MANIFEST)
        manifest = _from_json(text, str(self._path))
        held = self._members.keys() - {MANIFEST, MANIFEST_DIGEST}
        if missing := sorted(manifest.files.keys() - held):
            raise InvalidInput(f"{self._path} is damaged: it does not hold {missing[0]}.")
        if foreign := sorted(held - manifest.files.keys()):
            raise InvalidInput(f"{self._path} holds {foreign[0]}, which is not in its manifest.")
        for name, (size, digest) in manifest.files.items():
            total = hashlib.sha256()
            for data in self._read(name):
                total.update(data)
            if self._members[name].size != size or total.hexdigest() != digest:
                raise self._damaged(name)
        return manifest

    def _damaged(self, name: str) -> InvalidInput:
        member = self._members[name]
        first, last = member.offset_data, member.offset_data + member.size
        return InvalidInput(
            f"{self._path} is damaged: {name} (bytes {first:,} to {last:,}) is not the file of the manifest."
        )

    def _read(self, name: str) -> Iterator[bytes]:
        stream = self._tar.extractfile(self._members[name])
        if stream is None:
            raise self._damaged(name)
        while data := stream.read(_READ):
            yield data

    def _unpacked(self, name: str) -> bytes:
        unpacker = zlib.decompressobj(wbits=_GZIP)
        try:
            data = unpacker.decompress(b"".join(self._read(name)), MAX_UNPACKED)
        except zlib.error as error:
            raise self._damaged(name) from error
        if not unpacker.eof:
            raise self._damaged(name)
        return data


@contextmanager
def opened(path: Path) -> Iterator[ArchiveReader]:
    """A backup, every byte of it checked. Raises InvalidInput for one that is damaged, and says where."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from error
    with stream:
        try:
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                yield ArchiveReader(path, tar, _members(path, tar))
        except tarfile.ReadError as error:
            raise InvalidInput(f"{path} is not a backup, or is damaged at byte {stream.tell():,}: {error}") from error


def _members(path: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """The files of a tar by name. Refuses all that no backup of ours holds: links, folders, paths that lead outside."""
    found: dict[str, tarfile.TarInfo] = {}
    for member in tar:
        if not member.isreg() or member.issparse():
            raise InvalidInput(f"{path} holds {member.name!r}, which is not a file. It is not restored.")
        if not _is_ours(member.name):
            raise InvalidInput(f"{path} holds {member.name!r}, which no backup holds. It is not restored.")
        if member.name in found:
            raise InvalidInput(f"{path} holds {member.name!r} twice. It is not restored.")
        found[member.name] = member
    if MANIFEST not in found or MANIFEST_DIGEST not in found:
        raise InvalidInput(
            f"{path} is cut off or damaged: after byte {tar.offset:,} of {path.stat().st_size:,} there is no manifest."
        )
    return found


def _is_ours(name: str) -> bool:
    return name in (MANIFEST, MANIFEST_DIGEST) or _table_of(name) is not None or _is_model_file(name)


def _table_of(name: str) -> str | None:
    match = _CHUNK.fullmatch(name)
    return match[1] if match else None


def _is_model_file(name: str) -> bool:
    parts = PurePosixPath(name).parts
    plain = name == "/".join(parts) and name.isprintable() and "\\" not in name
    return plain and len(parts) > 1 and parts[0] == MODELS and ".." not in parts


def model_files(folder: Path) -> list[str]:
    """Paths of the files of a models' folder that belong into a backup, in order; none where there is no folder.

    Locks and what is being written (hidden, at the top) are left out. Raises InvalidInput for a link.
    """
    found = []
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if path.parts[0].startswith("."):
            continue
        if file.is_symlink():
            raise InvalidInput(f"{file} is a link. A backup holds files only; put the file itself there.")
        if not file.is_dir():
            found.append(path.as_posix())
    return found


def _chunks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _to_json(manifest: Manifest) -> bytes:
    tables = {
        table.shape.name: {
            "rows": table.rows,
            "sha256": table.sha256,
            "last_number": table.shape.last_number,
            "columns": dict(table.shape.columns),
        }
        for table in manifest.tables
    }
    files = {name: {"bytes": size, "sha256": digest} for name, (size, digest) in manifest.files.items()}
    data = {"format": FORMAT, **asdict(manifest), "tables": tables, "files": files}
    return json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n"


def _from_json(text: bytes, source: str) -> Manifest:
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise InvalidInput(f"{source} is a backup of the form {data['format']}: a newer release wrote it.")
        return Manifest(
            software=str(data["software"]),
            made=str(data["made"]),
            database=str(data["database"]),
            schema=str(data["schema"]),
            tables=[
                TableSummary(
                    TableShape(name, dict(one["columns"]), int(one["last_number"])), one["rows"], one["sha256"]
                )
                for name, one in data["tables"].items()
            ],
            files={name: (int(one["bytes"]), str(one["sha256"])) for name, one in data["files"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(f"{source} is damaged: its manifest cannot be read ({error}).") from error
