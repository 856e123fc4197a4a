"""Timbre transfer: sing, and hear a violin."""

from ddsp.training.transfer.adjust import Adjusted
from ddsp.training.transfer.controls import CONTROLS, Control, Controls
from ddsp.training.transfer.finding import list_instruments
from ddsp.training.transfer.instrument import Instrument, InstrumentInfo, Performance
from ddsp.training.transfer.loading import load_instrument
from ddsp.training.transfer.measuring import measure_recordings
from ddsp.training.transfer.run import transfer_file

__all__ = [
    'CONTROLS',
    'Adjusted',
    'Control',
    'Controls',
    'Instrument',
    'InstrumentInfo',
    'Performance',
    'list_instruments',
    'load_instrument',
    'measure_recordings',
    'transfer_file',
]
