"""`wavfile PATH`: the samples of WAV files."""

from __future__ import annotations

from dataclasses import replace

from ..engine.notes import At
from ..engine.sources.files import BAD, SHARED, FileOptions, scan_of
from ..planner.plan import Scan
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class WavFileCommand(Command[Scan]):
    name = "wavfile"
    summary = "Read the samples of WAV files: number, seconds, and a field for each channel."
    syntax = "wavfile [raw=f] [start=T] [bad={null,skip,fail}] [tz=ZONE] [time=F] [meta=f] [limit=N] [offset=N] PATH"
    grammar = "path"
    source = True
    options = (
        Option("raw", kinds.BOOL, "whole numbers as they are stored, instead of -1 to 1", default=False),
        Option("start", kinds.TIME, "the time of the first sample: adds `_time`"),
        *SHARED,
        BAD,
    )
    details = """
    One row a sample: `n` counts from 0, `t` is `n` by the sampling rate in seconds, `ch0`, `ch1`, ... are the
    channels. PCM of 1 to 32 bits and floating point of 32 and 64 are read, plain or in the extensible form, also of
    files beyond 4 GB (RF64) and of RIFX.

    Samples are doubles from -1 to 1: a whole number by 2 to the power of one bit less than it is stored in; those
    of 8 bits and less are stored without a sign and are moved by 128 before. With `raw=t` whole numbers are longs
    as they are stored (8 bits: 0 to 255). Floating point is as stored either way, and may lie beyond -1 to 1.

    `start=` is the time of the first sample, of each file: `_time` is that plus `t`, to the nearest microsecond.
    Conditions on `n`, `t` and that `_time` read only the part of a plain file that they need. Paths, packed files,
    `-` and `_file` are as with `csvfile`; a channel that one of several files lacks is null there.

    **Damage.** A head that is cut off, contradicts itself or tells of other samples is E605. Where the file ends
    before the samples that its head tells of, those that are there are read and the missing ones counted as left
    out (`cut off`; E501 behind the last row with `bad=fail`, E502 under strict). A head whose length was never
    filled in, as of a recording that was broken off, is read to the end of the file, and noted.
    """
    examples = (
        Example(
            title="two samples of two channels",
            given={
                "bytes:s.wav": "52494646 2c000000 57415645 666d7420 10000000 0100 0200 401f0000 007d0000 0400 1000 "
                "64617461 08000000 0000 0040 0080 ff7f"
            },
            query="wavfile s.wav",
            expect="n:long t:double ch0:double ch1:double\n0 0.0 0.0 0.5\n1 0.000125 -1.0 0.999969482421875",
        ),
        Example(
            title="as they are stored, with the time of each sample",
            given={
                "bytes:s.wav": "52494646 2c000000 57415645 666d7420 10000000 0100 0200 401f0000 007d0000 0400 1000 "
                "64617461 08000000 0000 0040 0080 ff7f"
            },
            query='wavfile raw=t start="2026-11-01T00:00:00Z" s.wav | fields ch0, ch1, _time',
            expect="ch0:long ch1:long _time:date\n0 16384 2026-11-01T00:00:00Z\n-32768 32767 2026-11-01T00:00:00.000125Z",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.wav import WavFormat, WavRelation, survey

        zone = args.option("tz") or args.zone
        options = FileOptions(zone=zone, time=args.option("time"), meta=args.option("meta"), bad=args.option("bad"))
        if args.given("start") and args.given("time"):
            args.abort("E310", "start= and time= both make `_time`", args.option_span("time"))
        path = args.path(args.one("path"))
        gate = args.services.gate
        files = survey(gate, gate.glob(path))
        form = WavFormat(raw=args.option("raw"), start=args.time("start", zone))
        relation = WavRelation(gate, files, form, options, path, At(args.stage, self.name, args.span))
        if options.time is not None and relation.data.type(options.time) is None:
            args.binder.unknown(options.time, args.option_span("time"), relation.data, always=True)
            relation = WavRelation(gate, files, form, replace(options, time=None), path, relation.at)
        return scan_of(args, relation)
