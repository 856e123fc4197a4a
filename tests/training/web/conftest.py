"""A page with a tiny instrument, exported once for all tests of it."""

from __future__ import annotations

import pytest
from live_tiny import tiny_instrument

from ddsp.training.export import export_instrument


@pytest.fixture(scope='session')
def exported_page(tmp_path_factory):
    """What an export wrote, see `ddsp.training.export.Exported`."""
    pytest.importorskip('tf2onnx', reason="needs pip install 'ddsp[export]'")
    folder = tmp_path_factory.mktemp('exported') / 'page'
    return export_instrument(tiny_instrument(), folder, 'web')
