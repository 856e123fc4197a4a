"""TEMPORARY dynamic listing while the rooms are being written."""
import importlib as _i
for _m in ('tensors','math','units','scaling','resampling','oscillators','harmonics','wavetables','delays','filters'):
    try:
        _x = _i.import_module('ddsp.core.'+_m)
    except ModuleNotFoundError:
        continue
    globals().update({k: v for k, v in vars(_x).items() if not k.startswith('_')})
