"""Processors: layers that turn the raw outputs of a network into signals."""

from __future__ import annotations

from ddsp.processors.base import Processor
from ddsp.processors.group import ProcessorGroup
from ddsp.processors.mixing import Add, Crop, Mix

__all__ = ['Add', 'Crop', 'Mix', 'Processor', 'ProcessorGroup']
