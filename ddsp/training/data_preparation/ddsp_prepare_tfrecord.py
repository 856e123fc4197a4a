"""The command `ddsp_prepare_tfrecord`: from sound files to records for training."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ddsp.training import termination
from ddsp.training.data_preparation import decoding, prepare_tfrecord_lib
from ddsp.training.flags import add_list, add_switch
from ddsp.training.guarding import FORESEEN, guarded

EXIT_SKIPPED = 3

_DESCRIPTION = """\
Cuts recordings into examples, finds their pitch and loudness, and writes TFRecords with
a dataset.json beside them.

Exit status: 0 when every recording was read; 3 when records were written but some
recordings had to be left out, which are listed with the reason; 1 for an error, after
which nothing was written; 2 for a wrong command line; 130 for Ctrl-C, 143 for SIGTERM.
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog='ddsp_prepare_tfrecord',
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_list(
        parser,
        'input_audio_filepatterns',
        'files, patterns such as "recordings/*.wav" or folders, with commas between; '
        'may be repeated; a name with a comma in it needs a flag of its own',
    )
    parser.add_argument(
        '--output_tfrecord_path',
        required=True,
        metavar='PATH',
        help='what names of record files begin with, such as data/violin.tfrecord',
    )
    _add_numbers(parser)
    add_switch(parser, 'center', False, 'one frame more, where the example ends')
    add_switch(parser, 'viterbi', True, 'a smooth course of f0, if the method can')
    parser.add_argument(
        '--pitch_method',
        default='swift-f0',
        metavar='NAME',
        help='pitch estimator (default: swift-f0)',
    )
    parser.add_argument(
        '--pipeline_options',
        default='',
        metavar='OPTIONS',
        help='for Apache Beam, with commas between, such as '
        '--pipeline_options=--runner=DataflowRunner,--project=P (default: here, on all '
        'cores)',
    )
    add_switch(parser, 'strict', False, 'stop when a recording cannot be read')
    add_switch(parser, 'debug', False, 'show where an error came from')
    return parser


def _add_numbers(parser: argparse.ArgumentParser) -> None:
    for name, kind, default, text in (
        ('num_shards', int, None, 'files of each split (default: 10 as a rule)'),
        ('sample_rate', int, 16000, 'of the audio, in Hz'),
        ('frame_rate', int, 250, 'of f0 and loudness, in Hz'),
        ('example_secs', float, 4.0, 'length of an example'),
        ('hop_secs', float, 1.0, 'from one example to the next'),
        ('eval_split_fraction', float, 0.0, 'part of the chunks kept for evaluation'),
        ('chunk_secs', float, 20.0, 'length of chunks; 0 leaves recordings whole'),
        ('seed', int, 0, 'of the order of examples and the choice of chunks'),
    ):
        shown = '' if default is None else f' (default: {default})'
        parser.add_argument(
            f'--{name}', type=kind, default=default, metavar='N', help=text + shown
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Parameters
    ----------
    argv : the command line without the program's name; that of the process by default.

    Returns
    -------
    The exit status: 0, `EXIT_SKIPPED` when recordings were left out, or another after
    an error.
    """
    arguments = make_parser().parse_args(argv)
    return guarded(
        lambda: _prepare(arguments),
        'ddsp_prepare_tfrecord',
        'nothing was written',
        arguments.debug,
        foreseen=(*FORESEEN, RuntimeError),
    )


def _prepare(arguments: argparse.Namespace) -> int:
    patterns = decoding.split_patterns(arguments.input_audio_filepatterns)
    if not patterns:
        raise ValueError(
            '--input_audio_filepatterns is missing: name the recordings to prepare.'
        )
    given = dict(vars(arguments))
    for name in ('input_audio_filepatterns', 'debug'):
        del given[name]
    recordings = decoding.find_audio(patterns)
    with termination.sigterm_raises():
        info = prepare_tfrecord_lib.prepare_tfrecord(recordings, **given)
    return EXIT_SKIPPED if info['recordings']['skipped'] else 0


def console_entry_point() -> int:
    """What the installed command calls; gives the exit status."""
    return termination.leave(main())


if __name__ == '__main__':
    sys.exit(console_entry_point())
