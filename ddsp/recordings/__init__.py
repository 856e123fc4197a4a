"""Recordings that travel with the package; NOTICE.md says whose they are."""

from __future__ import annotations

from pathlib import Path


def singing_path() -> Path:
    """Where the bundled recording is: 9.1 s of solo singing, 44.1 kHz, mono.

    Returns
    -------
    Path of a FLAC file, clip 10 of the Vocadito dataset (CC BY 4.0).

    Examples
    --------
    >>> singing_path().name
    'singing.flac'
    """
    return Path(__file__).with_name('singing.flac')
