"""How many samples a frame lasts."""

from __future__ import annotations


def whole_hop(
    n_samples: int | None, sample_rate: float, frame_rate: float
) -> int | None:
    """Samples a frame, for a synthesizer that renders any length.

    Raises
    ------
    ValueError
        When it is needed and is not a whole number, or for a length or a rate that
        cannot be.
    """
    if sample_rate <= 0 or frame_rate <= 0:
        raise ValueError(
            f'sample_rate is {sample_rate} and frame_rate {frame_rate}, expected both '
            'above 0.'
        )
    if n_samples is not None:
        if n_samples < 1 or n_samples != int(n_samples):
            raise ValueError(
                f'n_samples is {n_samples}, expected a whole number of at least 1, or '
                'None for as many as the controls last.'
            )
        return None
    hop_size = sample_rate / frame_rate
    if hop_size != int(hop_size):
        raise ValueError(
            f'n_samples=None takes sample_rate / frame_rate samples a frame, but '
            f'{sample_rate} / {frame_rate} is not a whole number: '
            'give n_samples, or other rates.'
        )
    return int(hop_size)
