"""Prints what the operations cost: `python -m benchmarks [--json FILE]`.

`--streaming` prints what streams cost instead, see `benchmarks.streaming`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence

from benchmarks import single, streaming
from benchmarks.measure import in_own_process

CASE_NAMES = (
    'harmonic',
    'sinusoidal',
    'wavetable',
    'mod_delay',
    'filtered_noise',
    'reverb',
    'spectral_loss',
    'loudness',
    'chain',
)
# What one call renders, for the real-time factor: batch times seconds.
RENDERED_SECONDS = 16.0


# How often the turns of ours and plain are repeated: short cases need more of them.
TURNS = 9
SHORT_TURNS = 31
SHORT_CASES = ('filtered_noise', 'reverb', 'spectral_loss', 'loudness')


def cases_table(only: Sequence[str]) -> list[dict]:
    """Measures each case, the library beside the plain formula."""
    rows = []
    for name in only:
        turns = SHORT_TURNS if name in SHORT_CASES else TURNS
        row = {
            'case': name,
            'pair': in_own_process(name, 'ours', ['pair'], turns),
            # Memory is that of a process of its own, and so are compiled times.
            'ours': in_own_process(name, 'ours', ['graph', 'eager', 'jit']),
            'plain': in_own_process(name, 'plain', ['graph'], 1),
            'exact': in_own_process(name, 'ours', ['snr'], batch=1, seconds=4.0),
        }
        rows.append(row)
        print(case_line(row), flush=True)
    return rows


def case_line(row: dict) -> str:
    """One row of the first table, as Markdown."""
    parts = [row[key] for key in ('pair', 'ours', 'plain', 'exact')]
    failed = next((part['error'] for part in parts if 'error' in part), None)
    if failed:
        return f'| {row["case"]} | {failed} |'
    pair, ours, plain, exact = parts
    cells = [row['case'], f'{1000 * pair["forward_ours"]:.1f}']
    cells += [f'{1000 * pair["gradient_ours"]:.1f}']
    cells += [
        f'{1000 * ours[key]:.1f}' for key in ('eager', 'jit_forward', 'jit_gradient')
    ]
    for key in ('forward', 'gradient'):
        spread = '{:.2g} to {:.2g}'.format(
            pair[f'{key}_ratio_low'], pair[f'{key}_ratio_high']
        )
        cells += [f'{pair[f"{key}_ratio"]:.3g} ({spread})']
    cells += [f'{ours["peak_mb"]:.0f}', f'{plain["peak_mb"]:.0f}']
    cells += [f'{exact["snr_db"]:.0f}']
    cells += [f'{pair["forward_ours"] / RENDERED_SECONDS:.5f}']
    return '| ' + ' | '.join(cells) + ' |'


CASES_HEAD = """\
| case | forward ms | with gradient ms | eager ms | jit forward ms | jit gradient ms \
| forward: times plain (quartiles) | gradient: times plain (quartiles) \
| peak MB | plain peak MB | SNR dB | real-time factor |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def growth_table() -> list[dict]:
    """Measures how the harmonic synthesizer grows with length, batch and harmonics."""
    sizes = [{'batch': 1, 'seconds': s} for s in (1, 4, 16, 60, 300, 600)]
    sizes += [{'batch': b, 'seconds': 4} for b in (4, 16, 32)]
    sizes += [{'batch': 4, 'seconds': 4, 'harmonics': h} for h in (10, 30, 60, 200)]
    rows = []
    for size in sizes:
        figures = in_own_process('harmonic', 'ours', ['forward_only'], 3, **size)
        rows.append({'size': size, **figures})
        print(growth_line(rows[-1]), flush=True)
    return rows


def growth_line(row: dict) -> str:
    """One row of the second table, as Markdown."""
    size = {'harmonics': 100, **row['size']}
    cells = [str(size[key]) for key in ('batch', 'seconds', 'harmonics')]
    if 'error' in row:
        return '| ' + ' | '.join([*cells, row['error'], '', '']) + ' |'
    factor = row['forward'] / (size['batch'] * size['seconds'])
    cells += [f'{1000 * row["forward"]:.1f}', f'{row["peak_mb"]:.0f}', f'{factor:.5f}']
    return '| ' + ' | '.join(cells) + ' |'


GROWTH_HEAD = """\
| batch | seconds | harmonics | forward ms | peak MB | real-time factor |
|---|---|---|---|---|---|"""


def machine() -> dict[str, str]:
    """What was measured on."""
    import tensorflow as tf

    processor = platform.processor() or platform.machine()
    if os.path.exists('/proc/cpuinfo'):
        with open('/proc/cpuinfo') as lines:
            models = [x.split(':')[1].strip() for x in lines if 'model name' in x]
        processor = models[0] if models else processor
    return {
        'processor': processor,
        'cores': str(os.cpu_count()),
        'devices': ', '.join(d.device_type for d in tf.config.list_physical_devices()),
        'python': platform.python_version(),
        'tensorflow': tf.__version__,
    }


def main() -> None:
    """Prints the tables, and writes them as JSON where asked."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', help='a file for the figures')
    parser.add_argument('--only', nargs='+', default=CASE_NAMES, choices=CASE_NAMES)
    parser.add_argument('--no_growth', action='store_true')
    parser.add_argument('--streaming', action='store_true', help='streams instead')
    flags = parser.parse_args()
    described = machine()
    print(' · '.join(f'{key} {value}' for key, value in described.items()), '\n')
    if flags.streaming:
        streaming.main()
        return
    print(CASES_HEAD)
    figures = {'machine': described, 'cases': cases_table(flags.only)}
    if not flags.no_growth:
        print(f'\n{GROWTH_HEAD}')
        figures['growth'] = growth_table()
        print(f'\n{single.HEAD}')
        figures['single'] = single.table()
    if flags.json:
        with open(flags.json, 'w') as file:
            json.dump(figures, file, indent=2)


if __name__ == '__main__':
    main()
