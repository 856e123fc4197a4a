"""Timbre transfer while you sing: from a microphone, or a file, block by block."""

from __future__ import annotations

from ddsp.training.live.blocks import BlockLoop
from ddsp.training.live.following import Followed, Follower, control_tensors
from ddsp.training.live.module import LiveModule
from ddsp.training.live.noise import counted_noise
from ddsp.training.live.performer import Performer
from ddsp.training.live.voice import LiveVoice, Played
from ddsp.training.transfer.controls import Controls

__all__ = [
    'BlockLoop',
    'Controls',
    'Followed',
    'Follower',
    'LiveModule',
    'LiveVoice',
    'Performer',
    'Played',
    'control_tensors',
    'counted_noise',
]
