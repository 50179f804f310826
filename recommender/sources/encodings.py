"""Files in other encodings than UTF-8, read as if they were: UTF-16, and Windows' Western European code page."""

import codecs
import io
import re
from dataclasses import dataclass
from typing import IO

from recommender.errors import InvalidInput

WINDOWS = "cp1252"
_CHUNK = 1024 * 1024
_SAMPLE_BYTES = 4 * 1024 * 1024
_HEAD_BYTES = 4096
_MULTIBYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
# What French, Portuguese, Spanish, German and English texts hold beside ASCII.
_WESTERN = frozenset(
    "éèêëàâäîïíìôöóòõûüùúçœæáãñÉÈÊËÀÂÄÁÃÎÏÔÖÓÛÜÙÚÇŒÆÑß«»‘’“”‚„–—…°€£\xa0·•©®™ªº¿¡§½¼²³×".encode(WINDOWS)  # noqa: RUF001
)
_WESTERN_SHARE = 0.98
_MAX_HIGH_SHARE = 0.15  # of all bytes: in Western text most letters are ASCII, in Cyrillic or Arabic few
_MAX_UTF8_SHARE = 0.1  # of the bytes beyond ASCII: chance pairs; more are UTF-8 with broken places


@dataclass(frozen=True)
class Decoded:
    """A file as UTF-8, and what its encoding was taken for; empty where it is UTF-8."""

    stream: IO[bytes]
    encoding: str = ""


def as_utf8(stream: IO[bytes], name: str, encoding: str | None = None) -> Decoded:
    """A file as a stream of UTF-8, whatever its encoding.

    Without `encoding` a mark at the beginning decides, or zeros in every second place; a file that can be read twice
    and is not UTF-8 is taken for Windows' code page where its letters speak for it. What is left is given on as it is.
    Raises InvalidInput for an encoding that is not known.
    """
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise InvalidInput(
                f"{encoding!r} is not a known encoding; usual are utf-8, utf-16 and {WINDOWS}."
            ) from error
        return Decoded(_transcoded(stream, encoding, name))
    found = _by_its_head(_head(stream)) or (_by_its_letters(stream) if stream.seekable() else None)
    return Decoded(stream) if found is None else Decoded(_transcoded(stream, found, name), found)


def _head(stream: IO[bytes]) -> bytes:
    if stream.seekable():
        place = stream.tell()
        head = stream.read(_HEAD_BYTES)
        stream.seek(place)
        return head
    peek = getattr(stream, "peek", None)  # of a pipe
    return b"" if peek is None else bytes(peek(_HEAD_BYTES)[:_HEAD_BYTES])


def _by_its_head(head: bytes) -> str | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) / 5 and min(even, odd) <= len(head) / 50:
        return "utf-16-be" if even > odd else "utf-16-le"
    return None


def _by_its_letters(stream: IO[bytes]) -> str | None:
    """Windows' code page where a file is not UTF-8 and all but all of its letters are Western European."""
    place = stream.tell()
    try:
        if _is_utf8(stream):
            return None
        stream.seek(place)
        sample = stream.read(_SAMPLE_BYTES)
    finally:
        stream.seek(place)
    high = [byte for byte in sample if byte >= 0x80]
    utf8 = sum(map(len, _MULTIBYTE.findall(sample)))
    western = sum(byte in _WESTERN for byte in high)
    is_western = western >= _WESTERN_SHARE * len(high) and len(high) <= max(5, _MAX_HIGH_SHARE * len(sample))
    return WINDOWS if high and is_western and utf8 <= _MAX_UTF8_SHARE * len(high) else None


def _is_utf8(stream: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _transcoded(stream: IO[bytes], encoding: str, name: str) -> IO[bytes]:
    return io.BufferedReader(_Transcoder(stream, encoding, name))


class _Transcoder(io.RawIOBase):
    """The bytes of a stream in UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str, name: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace" if encoding == WINDOWS else "strict")
        self._what = f"{name} is not {encoding}"
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer
        while not self._rest:
            chunk = self._stream.read(_CHUNK)
            try:
                self._rest = self._decoder.decode(chunk, final=not chunk).encode("utf-8", "replace")
            except UnicodeDecodeError as error:
                raise InvalidInput(f"{self._what} ({error.reason}); name another with --encoding.") from error
            if not chunk:
                break
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
