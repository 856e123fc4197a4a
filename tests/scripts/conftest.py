"""Lets tests import scripts, which import each other, by their names."""

from __future__ import annotations

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parents[2] / 'scripts'))
