"""Timbre transfer on a local web page: what `ddsp serve` does.

`serve_page` is all of it. Needs `pip install 'ddsp[train,web]'`.
"""

from __future__ import annotations

from ddsp.training.serve.limits import Limits
from ddsp.training.serve.server import serve_page

__all__ = ['Limits', 'serve_page']
