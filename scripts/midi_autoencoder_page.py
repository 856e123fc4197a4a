"""The page of a MIDI autoencoder, from what `train_midi_autoencoder.py` measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEMPLATE = """\
# A MIDI autoencoder

Made by `scripts/train_midi_autoencoder.py`; do not edit.

`{model}`, {weights} weights, learned {step} steps of {batch_size} examples of 4 s from
{minutes:g} minutes of a sampled {instrument}, whose notes it was not told. Held out
were {held_out_minutes:g} more of another seed, with {held_out_notes} notes.

    {command}

## Losses

Means of 20 steps, up to the one that is named.

{losses}

## Notes

Of the held-out phrases, beside those that `ddsp pitch --midi` finds. A note is found
if its onset is within 50 ms and its pitch within 50 cents; frames are of 4 ms. Frames
count as wrong where a note is written that sounds on after its key was released.

{notes}

The model writes a pitch in every frame. What makes notes of it: a frame sounds where
loudness is at least {gate_db:g} dB ({gate_before_db:g} dB before training), which was
chosen by note F1 on two parts of what it learned from; what lasts less than 40 ms
belongs to the note before it, after silence to the one that follows, and is dropped
between silences.
"""


def page(told: Mapping[str, Any]) -> str:
    """What was measured, as Markdown."""
    recipe = told['recipe']
    tables = {'losses': _losses(told['losses']), 'notes': _notes(told['notes'])}
    return _TEMPLATE.format(**{**recipe, **told, **tables})


def _losses(losses: Mapping[str, Mapping[str, float]]) -> str:
    first, last = losses['first'], losses['last']
    lines = [f'| loss | step {first["step"]} | step {last["step"]} |', '|---|---|---|']
    lines += [
        f'| `{name}` | {first[name]:.3f} | {last[name]:.3f} |'
        for name in first
        if name != 'step'
    ]
    return '\n'.join(lines)


def _notes(notes: Mapping[str, Mapping[str, float]]) -> str:
    columns = ('note_precision', 'note_recall', 'note_f1', 'frame_f1')
    names = ' | '.join(name.replace('_', ' ') for name in columns)
    lines = [f'| notes by | {names} |', '|---' * 5 + '|']
    for name, found in notes.items():
        values = ' | '.join(f'{found[column]:.3f}' for column in columns)
        lines.append(f'| {name} | {values} |')
    return '\n'.join(lines)
