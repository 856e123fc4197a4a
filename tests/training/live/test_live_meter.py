"""Levels in a line."""

from __future__ import annotations

import io

from ddsp.training.live.meter import can_show, meter_line
from ddsp.training.live.performer import Moment


def test_bars_are_as_long_as_levels():
    full = meter_line(Moment(1.0, 0.0), late=0, plain=True)
    assert full.startswith('in [################]')
    assert 'out [                ]' in full
    # -30 dB is half of the range.
    half = meter_line(Moment(10 ** (-30 / 20) * 1.001, 2.0), late=0)
    assert half.startswith(f'in [{"█" * 8}{" " * 8}]')
    assert f'out [{"█" * 16}]' in half


def test_notes_have_names_and_late_blocks_are_counted():
    moment = Moment(0.1, 0.1, 440.0, 880.0, note=True, milliseconds=3.25)
    line = meter_line(moment, late=2)
    assert ' A4 > A5 ' in line and line.endswith('  3.2 ms  2 late')
    assert 'A4' not in meter_line(Moment(0.1, 0.1, 440.0, 880.0), late=0)


def test_a_stream_without_unicode_gets_ascii():
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding='ascii')
    assert can_show(ascii_only) == (False, True)
    assert can_show(io.TextIOWrapper(io.BytesIO(), encoding='utf-8')) == (False, False)
