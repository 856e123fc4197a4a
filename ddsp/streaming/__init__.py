"""Playing block by block: sound that comes in, and goes out, a little at a time.

Every processor, and every graph of them, has `initial_state`, `step` and `flush`, see
`Streamed`; `render` runs them over blocks. `LoudnessStream` listens, and so does
`ddsp.pitch.PitchStream`.
"""

from __future__ import annotations

from ddsp.core.streaming.memory import Memory, Span
from ddsp.streaming.graph import StreamedGraph
from ddsp.streaming.loudness import LoudnessStream
from ddsp.streaming.rendering import render
from ddsp.streaming.streamed import Streamed

__all__ = ['LoudnessStream', 'Memory', 'Span', 'Streamed', 'StreamedGraph', 'render']
