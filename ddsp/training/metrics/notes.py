"""Metrics of notes: which were found, and in how many frames they sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ddsp import core
from ddsp.optional import import_optional
from ddsp.training.metrics.base import write_metrics
from ddsp.training.metrics.features import squeeze

_ONSET_TOLERANCE_S = 0.05
_PITCH_TOLERANCE_CENTS = 50.0
_VELOCITY = 100


@dataclasses.dataclass(frozen=True)
class Note:
    """One note, with the attributes that pretty_midi gives it.

    Parameters
    ----------
    start, end : in seconds.
    pitch : MIDI note number; fractions are allowed.
    velocity : from 1 to 127.
    """

    start: float
    end: float
    pitch: float
    velocity: int = _VELOCITY


@dataclasses.dataclass
class EvalCounts:
    """How often something was found rightly, wrongly, or not at all.

    Parameters
    ----------
    true_positives : how many were found that are there.
    false_positives : how many were found that are not.
    false_negatives : how many were not found that are there.

    Examples
    --------
    >>> counts = EvalCounts(true_positives=3, false_positives=1)
    >>> counts.add(EvalCounts(false_negatives=3))
    >>> counts.precision, counts.recall, counts.f1
    (0.75, 0.5, 0.6)
    """

    true_positives: float = 0
    false_positives: float = 0
    false_negatives: float = 0

    def add(self, other: EvalCounts) -> None:
        """Adds the counts of another."""
        self.true_positives += other.true_positives
        self.false_positives += other.false_positives
        self.false_negatives += other.false_negatives

    @property
    def precision(self) -> float:
        """Part of what was found that is there; 0 if nothing was found."""
        return _part(self.true_positives, self.false_positives)

    @property
    def recall(self) -> float:
        """Part of what is there that was found; 0 if nothing is there."""
        return _part(self.true_positives, self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        wrong = self.false_positives + self.false_negatives
        return _part(2 * self.true_positives, wrong)


def _part(hits: float, misses: float) -> float:
    return hits / (hits + misses) if hits else 0.0


def sequence2intervals(sequence: Any) -> tuple[np.ndarray, np.ndarray]:
    """Turns notes into the arrays that mir_eval compares.

    Parameters
    ----------
    sequence : a `pretty_midi.PrettyMIDI`, a `NoteSequence` of note_seq, or notes one by
        one with `start`, `end` and `pitch` (or `start_time` and `end_time`).

    Returns
    -------
    intervals : `[notes, 2]`, start and end in seconds, in order of start.
    pitches : `[notes]`, in Hz.
    """
    notes = sorted(_notes_of(sequence), key=lambda note: (note.start, note.pitch))
    intervals = np.array([(note.start, note.end) for note in notes], np.float64)
    pitches = core.midi_to_hz([note.pitch for note in notes]).numpy()
    return intervals.reshape(-1, 2), pitches.astype(np.float64)


def _notes_of(sequence: Any) -> list[Note]:
    if hasattr(sequence, 'instruments'):  # pretty_midi keeps notes by instrument.
        found: Iterable = (
            note
            for instrument in sequence.instruments
            if not instrument.is_drum
            for note in instrument.notes
        )
    else:
        found = getattr(sequence, 'notes', sequence)
    return [_note_of(note) for note in found]


def _note_of(note: Any) -> Note:
    if hasattr(note, 'start_time'):
        return Note(note.start_time, note.end_time, note.pitch, note.velocity)
    return Note(note.start, note.end, note.pitch, getattr(note, 'velocity', _VELOCITY))


def compute_note_metrics(gt_sequence: Any, pred_sequence: Any) -> EvalCounts:
    """Counts the notes that were found, by mir_eval.

    A note is found if its onset is within 50 ms and its pitch within 50 cents; its end
    does not matter (Bay, Ehmann and Downie 2009). Each counts once.

    Parameters
    ----------
    gt_sequence, pred_sequence : notes that are there and notes that were found, see
        `sequence2intervals`. Notes that end where they start are left out.

    Returns
    -------
    The counts, of notes.

    Raises
    ------
    ImportError
        When mir_eval is missing.
    """
    transcription = import_optional('mir_eval.transcription', 'compute_note_metrics')
    there, found = (
        _sounding(*sequence2intervals(sequence))
        for sequence in (gt_sequence, pred_sequence)
    )
    n_there, n_found = len(there[1]), len(found[1])
    matched = 0
    if n_there and n_found:
        pairs = transcription.match_notes(
            *there,
            *found,
            onset_tolerance=_ONSET_TOLERANCE_S,
            pitch_tolerance=_PITCH_TOLERANCE_CENTS,
            offset_ratio=None,
        )
        matched = len(pairs)
    return EvalCounts(matched, n_found - matched, n_there - matched)


def _sounding(
    intervals: np.ndarray, pitches: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    longer = intervals[:, 1] > intervals[:, 0]
    return intervals[longer], pitches[longer]


def compute_frame_metrics(gt_pianoroll: Any, pred_pianoroll: Any) -> EvalCounts:
    """Counts the cells of a piano roll that sound where they should.

    Parameters
    ----------
    gt_pianoroll, pred_pianoroll : `[frames, pitches]`; what is above 0 sounds. The
        shorter one is silent after its end.

    Returns
    -------
    The counts, of cells.

    Raises
    ------
    ValueError
        When one is no matrix, or the number of pitches differs.

    Examples
    --------
    >>> compute_frame_metrics([[1, 0, 0]], [[1, 1, 0]])
    EvalCounts(true_positives=1, false_positives=1, false_negatives=0)
    """
    there, found = (np.asarray(roll) > 0 for roll in (gt_pianoroll, pred_pianoroll))
    if there.ndim != 2 or found.ndim != 2 or there.shape[1] != found.shape[1]:
        raise ValueError(
            f'compute_frame_metrics: the piano rolls have shapes {list(there.shape)} '
            f'and {list(found.shape)}, expected [frames, pitches] with as many pitches.'
        )
    length = max(len(there), len(found))
    there, found = (
        np.pad(roll, ((0, length - len(roll)), (0, 0))) for roll in (there, found)
    )
    return EvalCounts(
        int((there & found).sum()),
        int((~there & found).sum()),
        int((there & ~found).sum()),
    )


def notes_from_pianoroll(
    pianoroll: Any, frames_per_second: float, onsets: Any = None
) -> list[Note]:
    """Reads notes from a piano roll.

    Parameters
    ----------
    pianoroll : `[frames, 128]`, velocities from 0 to 127 or to 1; above 0 sounds.
    frames_per_second : rate of its frames.
    onsets : `[frames, 128]`; above 0 a note begins, also where one of the same pitch
        sounds already.

    Returns
    -------
    Notes in order of start; a velocity is that of the first frame.
    """
    roll = np.asarray(pianoroll, np.float64)
    active = roll > 0
    begins = active & ~np.pad(active, ((1, 0), (0, 0)))[:-1]
    if onsets is not None:
        begins |= active & (np.asarray(onsets) > 0)
    # Up to 1 they are velocities as networks give them.
    scale = 1.0 if roll.size and roll.max() > 1 else 127.0
    notes = []
    for start, pitch in np.argwhere(begins):
        rest = ~active[start + 1 :, pitch] | begins[start + 1 :, pitch]
        length = 1 + (int(rest.argmax()) if rest.any() else len(rest))
        notes.append(
            Note(
                start / frames_per_second,
                (start + length) / frames_per_second,
                int(pitch),
                int(np.clip(round(roll[start, pitch] * scale), 1, 127)),
            )
        )
    return notes


def pianoroll_from_notes(
    sequence: Any, frames_per_second: float, n_frames: int | None = None
) -> np.ndarray:
    """Writes notes into a piano roll.

    Parameters
    ----------
    sequence : notes, see `sequence2intervals`.
    frames_per_second : rate of the frames.
    n_frames : how many; by default those up to the last note's end.

    Returns
    -------
    float32 `[frames, 128]`, the velocity of each note while it sounds, else 0.
    """
    notes = _notes_of(sequence)
    edges = [
        (round(note.start * frames_per_second), round(note.end * frames_per_second))
        for note in notes
    ]
    if n_frames is None:
        n_frames = max((end for _, end in edges), default=0)
    roll = np.zeros([n_frames, 128], np.float32)
    for note, (start, end) in zip(notes, edges):
        if 0 <= round(note.pitch) < 128:
            # However short, a note is heard in one frame.
            roll[start : max(end, start + 1), round(note.pitch)] = note.velocity
    return roll


def pianoroll_from_pitches(pitches: Any) -> np.ndarray:
    """Writes one note number a frame into piano rolls, 1 where it sounds.

    Parameters
    ----------
    pitches : `[batch, frames]` or `[batch, frames, 1]`, rounded to notes; 0 is silence.

    Returns
    -------
    float32 `[batch, frames, 128]`.
    """
    pitches = np.round(np.asarray(pitches))
    pitches = pitches.reshape(*pitches.shape[:2], 1)
    return ((pitches == np.arange(128)) & (pitches > 0)).astype(np.float32)


class MidiMetrics:
    """How well predicted notes agree with those of the data.

    Parameters
    ----------
    frames_per_second : rate of piano rolls.
    tag : stands before the names of the metrics.
    align_midi_with_f0 : whether to transpose the data's notes to the f0 of the audio,
        see the method of that name.

    Notes
    -----
    The metrics are:

    - `note_precision`, `note_recall`, `note_f1`: of whole notes, see
      `compute_note_metrics`.
    - `frame_precision`, `frame_recall`, `frame_f1`: of the frames in which they sound.
    """

    def __init__(
        self, frames_per_second: float, tag: str, align_midi_with_f0: bool = True
    ) -> None:
        self._frames_per_second = frames_per_second
        self._tag = tag
        self._align = align_midi_with_f0
        self._reset()

    def _reset(self) -> None:
        self._notes, self._frames = EvalCounts(), EvalCounts()

    def align_midi_with_f0(self, gt_sequence: Any, f0: Any) -> list[Note]:
        """Transposes notes by the whole semitones that bring them nearest to f0.

        Instruments that transpose, or are tuned far from A 440, are notated at another
        pitch than sounds.

        Parameters
        ----------
        gt_sequence : notes, see `sequence2intervals`.
        f0 : of the audio, `[frames]`, in Hz; 0 where there is no pitch.

        Returns
        -------
        Notes, all moved by the median of their distances from f0.
        """
        notes = _notes_of(gt_sequence)
        midi = core.hz_to_midi(squeeze(f0)).numpy()
        roll = pianoroll_from_notes(notes, self._frames_per_second, len(midi))
        # Frames in which one note sounds, and has a pitch.
        alone = ((roll > 0).sum(axis=1) == 1) & (midi > 0)
        if not alone.any():
            return notes
        shift = round(float(np.median(midi[alone] - roll[alone].argmax(axis=1))))
        return [dataclasses.replace(note, pitch=note.pitch + shift) for note in notes]

    def update_state(
        self,
        controls_batch: Mapping[str, Any],
        pred_seq_batch: Sequence[Any],
        gt_key: str = 'note_active_velocities',
        ch: int | None = None,
    ) -> None:
        """Adds a batch.

        Parameters
        ----------
        controls_batch : with the piano rolls of the data under `gt_key`,
            `[batch, frames, 128]`; `note_onsets`, of the same shape, where there are
            any; and `f0_hz` `[batch, frames]` to align with.
        pred_seq_batch : predicted notes of each example, see `sequence2intervals`.
        gt_key : key of the piano rolls.
        ch : index on a last axis of `[batch, frames, 128, channels]`.

        Raises
        ------
        KeyError
            When there are no piano rolls.
        ValueError
            When the number of examples differs from that of predictions.
        """
        if gt_key not in controls_batch:
            raise KeyError(
                f'{self._tag}: the batch has no {gt_key!r}; '
                f'it has {sorted(controls_batch)}.'
            )
        rolls = np.asarray(controls_batch[gt_key])
        rolls = rolls if ch is None else rolls[..., ch]
        if len(rolls) != len(pred_seq_batch):
            raise ValueError(
                f'{self._tag}: the batch has {len(rolls)} examples, but there are '
                f'{len(pred_seq_batch)} predictions; give the notes of each example, '
                'an empty list where there are none.'
            )
        onsets = controls_batch.get('note_onsets', [None] * len(rolls))
        for i, (roll, onset, found) in enumerate(zip(rolls, onsets, pred_seq_batch)):
            notes = notes_from_pianoroll(roll, self._frames_per_second, onset)
            if self._align and 'f0_hz' in controls_batch:
                notes = self.align_midi_with_f0(notes, controls_batch['f0_hz'][i])
            self._notes.add(compute_note_metrics(notes, found))
            there, sounding = (
                pianoroll_from_notes(x, self._frames_per_second, len(roll))
                for x in (notes, found)
            )
            self._frames.add(compute_frame_metrics(there, sounding))

    def results(self) -> dict[str, float]:
        """Gives what was measured so far, `{'tag/metric': number}`."""
        return {
            f'{self._tag}/{kind}_{name}': float(getattr(counts, name))
            for kind, counts in (('note', self._notes), ('frame', self._frames))
            for name in ('precision', 'recall', 'f1')
        }

    def flush(self, step: int) -> dict[str, float]:
        """Writes and prints the metrics, gives them, and starts afresh."""
        results = self.results()
        write_metrics(results, step, prefix='metrics/')
        self._reset()
        return results
