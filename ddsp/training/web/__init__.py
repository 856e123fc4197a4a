"""A web page that plays an instrument: complete in its folder, without Python."""

from __future__ import annotations

from ddsp.training.web.exporting import export_voice
from ddsp.training.web.page import write_page
from ddsp.training.web.serving import serve_folder
from ddsp.training.web.voice import describe_voice, voice_function

__all__ = [
    'describe_voice',
    'export_voice',
    'serve_folder',
    'voice_function',
    'write_page',
]
