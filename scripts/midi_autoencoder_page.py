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

The model writes a pitch and a velocity in every frame, and nothing else is looked at to
make notes of them (`transcription.notes_of_frames`): a hidden Markov model of whole
notes tells which sounds; a frame {silence:g} dB below the loud parts is silent as
likely as not. A note is struck again where the velocity falls and rises fast. One that
follows another without a rest began {late_ms:.0f} ms before its pitch was seen. These
two numbers found most notes in {choosing_parts} parts of what the model learned from;
those of the other lines were chosen alike. `f0 and loudness alone` is what a model
would have written that changes nothing: f0 rounded to whole notes, and loudness.
"""


def page(told: Mapping[str, Any]) -> str:
    """What was measured, as Markdown."""
    recipe = told['recipe']
    chosen = told['segmentation']
    said = {
        'losses': _losses(told['losses']),
        'notes': _notes(told['notes']),
        'silence': -chosen['sounding_db'],
        'late_ms': 1000.0 * chosen['late_seconds'],
    }
    return _TEMPLATE.format(**{**recipe, **told, **said})


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
