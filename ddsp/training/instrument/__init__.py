"""Learning an instrument from recordings: what `ddsp train` does.

`train_instrument` is all of it. Needs `pip install 'ddsp[train]'`.
"""

from __future__ import annotations

from ddsp.training.instrument.run import train_instrument
from ddsp.training.instrument.settings import MODELS, Settings

__all__ = ['MODELS', 'Settings', 'train_instrument']
