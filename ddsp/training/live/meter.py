"""What there is to see while it plays."""

from __future__ import annotations

import math
import sys
from typing import TextIO

from ddsp.training.live.performer import Moment
from ddsp.training.transfer.adjust import note_name

_BAR = 16
_LOWEST_DB = -60.0
_PARTS = ' ▏▎▍▌▋▊▉█'
_PLAIN = ' .:-=+*%#'


def meter_line(moment: Moment, late: int, plain: bool = False) -> str:
    """Levels, pitches and time in one line.

    Parameters
    ----------
    moment : to show.
    late : blocks that were late so far.
    plain : of ASCII alone.

    Examples
    --------
    >>> moment = Moment(0.5, 0.1, 220.0, 440.0, note=True, milliseconds=2.0)
    >>> meter_line(moment, late=0, plain=True)
    'in [##############- ]   A3 > A4   out [##########+     ]    2.0 ms'
    """
    notes = f'{_pitch(moment.heard_hz)} > {_pitch(moment.played_hz)}'
    if not moment.note:
        notes = '·' if not plain else '.'
    bars = [_bar(peak, plain) for peak in (moment.heard_peak, moment.played_peak)]
    lost = f'  {late} late' if late else ''
    time = f'{moment.milliseconds:5.1f} ms'
    return f'in [{bars[0]}]  {notes:^9}  out [{bars[1]}]  {time}{lost}'


def can_show(stream: TextIO | None = None) -> tuple[bool, bool]:
    """Whether a stream is a terminal, and whether only ASCII is sure to be seen.

    Parameters
    ----------
    stream : stderr without it.
    """
    stream = stream or sys.stderr
    encoding = getattr(stream, 'encoding', None) or 'ascii'
    try:
        _PARTS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return stream.isatty(), True
    return stream.isatty(), False


def _bar(peak: float, plain: bool) -> str:
    """A level from -60 dB to full scale."""
    level = 20.0 * math.log10(max(peak, 1e-9))
    filled = min(max(1.0 - level / _LOWEST_DB, 0.0), 1.0) * _BAR
    parts = _PLAIN if plain else _PARTS
    last = parts[int((filled % 1.0) * (len(parts) - 1))]
    bar = parts[-1] * int(filled) + last
    return bar[:_BAR].ljust(_BAR)


def _pitch(f0_hz: float) -> str:
    return note_name(69.0 + 12.0 * math.log2(f0_hz / 440.0)) if f0_hz > 0 else '·'
