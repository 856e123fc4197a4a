"""Learning an instrument from recordings: what `ddsp train` does.

`train_instrument` is all of it. Needs `pip install 'ddsp[train]'`.
"""

from __future__ import annotations

from ddsp.training.instrument.choices import MODELS, Settings
from ddsp.training.instrument.run import train_instrument

__all__ = ['MODELS', 'Settings', 'train_instrument']
