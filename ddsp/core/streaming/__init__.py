"""The same signals block by block: what each block leaves for the next.

Each room has pairs of functions. One makes the memory that a stream starts with, a
dictionary of tensors; the other takes a block and the memory, and gives the block's
signal and the memory for the next block. Sizes that are not known when a stream starts
are 1, or 0 in tails, in its first memory, and take their place with the first block.
"""

from __future__ import annotations
