"""A graph of processors, which plays like one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from ddsp import dags, registration, streaming


@registration.configurable('ddsp.processors')
class ProcessorGroup(streaming.StreamedGraph, dags.DAGLayer):
    """A graph of processors that is itself called like a processor.

    See `ddsp.dags.DAGLayer` for how nodes and keys are written. The signal of the last
    node is the signal of the group.

    Parameters
    ----------
    dag : the nodes; a gin file can give them as `ProcessorGroup.dag`.
    **kwarg_processors : processors that nodes name by a text; also `name`.

    Examples
    --------
    >>> import ddsp
    >>> group = ddsp.processors.ProcessorGroup(dag=[
    ...     (ddsp.processors.Add(), ['voice', 'noise']),
    ...     (ddsp.processors.Crop(1), ['add/signal']),
    ... ])
    >>> group({'voice': [[1.0, 2.0]], 'noise': [[0.5, 0.5]]}).numpy().tolist()
    [[1.5]]
    """

    _lists = ('modules', 'processors')

    def __init__(self, dag: dags.DAG, **kwarg_processors: Any) -> None:
        super().__init__(dag, **kwarg_processors)

    @property
    def processors(self) -> list[Any]:
        """The modules of the graph, in the order of the nodes."""
        return self.modules

    def call(
        self,
        inputs: Mapping[str, Any],
        return_outputs_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Runs the graph.

        Parameters
        ----------
        inputs : dictionary with what `input_keys` lists.
        return_outputs_dict : whether to give the results of all nodes, too.
        **kwargs : each goes to those processors that take it.

        Returns
        -------
        The signal, `[batch, samples]`, or `{'signal': signal, 'controls': results}`
        with the nested dictionary that `get_controls` gives.
        """
        controls = self.get_controls(inputs, **kwargs)
        signal = self.get_signal(controls)
        if return_outputs_dict:
            return {'signal': signal, 'controls': controls}
        return signal

    def get_controls(self, inputs: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Gives the inputs and the results of all nodes, see `DAGLayer.run_dag`."""
        return self.run_dag(inputs, **kwargs)

    def get_signal(self, outputs: Mapping[str, Any]) -> tf.Tensor:
        """Takes the signal of the last node out of what `get_controls` gave.

        Parameters
        ----------
        outputs : of all nodes, by their names.

        Returns
        -------
        The signal, `[batch, samples]` where the last node makes audio.

        Raises
        ------
        ValueError
            When the last node gave no signal.
        """
        out = outputs['out']
        if not isinstance(out, Mapping):
            return out
        if 'signal' not in out:
            raise ValueError(
                f'{self.name}: the last node gave {list(out)}, but no signal; '
                'end the dag with a processor, or give its result the output key '
                "'signal'."
            )
        return out['signal']
