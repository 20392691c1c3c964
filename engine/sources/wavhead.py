"""The head of a WAV file: RIFF chunks up to the samples, checked against each other."""

from __future__ import annotations

import struct
from collections.abc import Callable

from ...planner.records import dataclass
from ...planner.text import fault

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
NAMES = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 49: "GSM", 80: "MPEG", 85: "MP3", 0xFF: "AAC"}
SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")  # of the GUIDs that hold a format's number in front
UNKNOWN = 0x7FFF0000  # sizes from here on are written by programs that do not know it yet

ReadAt = Callable[[int, int], bytes]  # offset, size -> bytes, fewer at the end only


@dataclass(frozen=True, slots=True)
class Wav:
    """`begin`: offset of the first sample. `nbytes`: of the samples as the head tells; None: up to the end of the file."""

    rate: int
    channels: int
    width: int  # bytes of a sample
    is_float: bool
    order: str  # of bytes: < or >
    begin: int
    nbytes: int | None

    @property
    def frame(self) -> int:
        """Bytes of a sample of every channel."""
        return self.channels * self.width


def wav_head(read: ReadAt, shown: str, size: int | None) -> Wav:
    """E605 for what is no WAV file, or of samples that are not PCM or floats. `size`: of the file, if it is known."""
    head = read(0, 12)
    if not head:
        raise fault("E605", f"`{shown}` is empty")
    order = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">"}.get(head[:4])
    if order is None or head[8:12] != b"WAVE":
        raise fault("E605", f"`{shown}` is no WAV file", hint="it begins with RIFF and WAVE")
    whole = struct.unpack(order + "I", head[4:8])[0]
    at, found, long_size = 12, None, None
    while True:
        chunk = read(at, 8)
        if len(chunk) < 8:
            raise fault("E605", f"`{shown}` has no samples: it ends before its data chunk")
        name, nbytes = chunk[:4], int(struct.unpack(order + "I", chunk[4:])[0])
        if name == b"data":
            break
        if name == b"fmt ":
            found = _format(read(at + 8, min(nbytes, 40)), nbytes, order, shown)
        if name == b"ds64":
            body = read(at + 8, 16)
            long_size = struct.unpack("<Q", body[8:16])[0] if len(body) == 16 else None
        at += 8 + nbytes + nbytes % 2
    if found is None:
        raise fault("E605", f"`{shown}` does not tell what its samples are: no fmt chunk before its data chunk")
    told: int | None = nbytes
    if head[:4] in (b"RF64", b"BW64") and nbytes == 0xFFFFFFFF:
        told = long_size
    elif _is_unknown(nbytes, whole, at + 8, size):
        told = None
    rate, channels, width, is_float = found
    return Wav(rate, channels, width, is_float, order, at + 8, told)


def _is_unknown(nbytes: int, whole: int, begin: int, size: int | None) -> bool:
    """Whether the head was written before the samples and never mended."""
    if nbytes == 0:  # or there are no samples, and then the file ends where it says
        return not begin <= whole + 8 <= (begin + 1 if size is None else size)
    return nbytes >= UNKNOWN and (size is None or begin + nbytes > size)


def _format(body: bytes, nbytes: int, order: str, shown: str) -> tuple[int, int, int, bool]:
    """Rate, channels, bytes of a sample, whether it is a float."""
    if nbytes < 16 or len(body) < min(nbytes, 40):
        said = f"its fmt chunk has {min(nbytes, len(body))} bytes, and needs {max(16, nbytes)}"
        raise fault("E605", f"`{shown}` is damaged: {said}")
    code, channels, rate, _, frame, bits = struct.unpack(order + "HHIIHH", body[:16])
    if code == EXTENSIBLE:
        if len(body) < 40 or body[26:40] != SUBFORMAT:
            raise fault("E605", f"`{shown}` has samples of a kind that is not known (extensible)")
        code = struct.unpack(order + "H", body[24:26])[0]
    if code not in (PCM, FLOAT):
        kind = NAMES.get(code, f"format {code}")
        raise fault("E605", f"`{shown}` holds {kind} samples", hint="PCM and floating point are read: convert it")
    width = (bits + 7) // 8
    if width not in ((1, 2, 3, 4) if code == PCM else (4, 8)) or (code == FLOAT and bits % 32):
        raise fault("E605", f"`{shown}` has samples of {bits} bits", hint="1 to 32 of PCM, 32 or 64 of floating point")
    if not channels or not rate:
        raise fault("E605", f"`{shown}` is damaged: {channels} channels, {rate} samples a second")
    if frame != channels * width:
        said = f"{channels} channels of {bits} bits are {channels * width} bytes, not {frame}"
        raise fault("E605", f"`{shown}` is damaged: its head contradicts itself ({said})")
    return rate, channels, width, code == FLOAT
