"""How the hot loops are compiled: without counting references, since nothing in them allocates.

With numba's reference counts, a call that takes a tuple of arrays may count all of them up and down again, atomically,
which was more than two thirds of the time of a slot. Functions under `lean` cannot use what allocates (`np.empty`,
comparisons of arrays, fancy indices). Room for a call comes from its stack, through `numbers` and `rows`.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

lean = njit(cache=True, _nrt=False, forceinline=True)
"""Decorator of a function that neither allocates arrays nor returns any; LLVM puts it into its callers."""
lean_inline = njit(cache=True, _nrt=False, inline="always")
"""The same, made part of its callers by numba, so that `numbers` and `rows` are not for it."""


@intrinsic
def numbers(typing_context: Any, count: Any, like: Any) -> Any:
    """Room for `count` numbers of the type of `like` until the function returns; what it holds is undefined.

    Not for loops: each call takes more of the stack.
    """
    kind = types.Array(like, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _on_stack(context, builder, kind, signature.args[:1], arguments[:1])

    return kind(count, like), generate


@intrinsic
def rows(typing_context: Any, count: Any, length: Any, like: Any) -> Any:
    """`numbers` in rows of equal length."""
    kind = types.Array(like, 2, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _on_stack(context, builder, kind, signature.args[:2], arguments[:2])

    return kind(count, length, like), generate


def _on_stack(context: Any, builder: Any, kind: Any, kinds: Any, lengths: Any) -> Any:
    """An array over the stack of the function that is being compiled."""
    number = context.get_data_type(kind.dtype)
    size = context.get_constant(types.intp, context.get_abi_sizeof(number))
    shape = [context.cast(builder, each, of, types.intp) for each, of in zip(lengths, kinds, strict=True)]
    count = context.get_constant(types.intp, 1)
    strides: list[Any] = []
    for length in reversed(shape):
        strides.insert(0, builder.mul(count, size))
        count = builder.mul(count, length)
    made = make_array(kind)(context, builder)
    memory = builder.alloca(number, size=count)
    populate_array(made, data=memory, shape=shape, strides=strides, itemsize=size, meminfo=None)
    return made._getvalue()


@lean_inline
def copy(source_N: Any, target_N: Any) -> None:
    """Write one row of numbers over another."""
    for n in range(len(source_N)):
        target_N[n] = source_N[n]
