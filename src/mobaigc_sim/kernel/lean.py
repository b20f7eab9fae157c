"""How the hot loops are compiled: without counting references, since nothing in them allocates.

With numba's reference counts, a call that takes a tuple of arrays may count all of them up and down again, atomically,
which was more than two thirds of the time of a slot. Functions under `lean` cannot use what allocates (`np.empty`,
comparisons of arrays, fancy indices). Room for a call comes from its stack, through `numbers` and `rows`. The option
that does it, `_nrt`, is not among those that numba documents.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from numba import njit, types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

_compiler: Any = partial(njit, cache=True, _nrt=False)
Function = TypeVar("Function", bound=Callable[..., Any])


def lean(function: Function) -> Function:
    """Compile a function that neither allocates arrays nor returns any; LLVM puts it into its callers."""
    compiled: Function = _compiler(forceinline=True)(function)
    return compiled


def lean_inline(function: Function) -> Function:
    """The same, made part of its callers by numba, so that `numbers` and `rows` are not for it."""
    compiled: Function = _compiler(inline="always")(function)
    return compiled


@intrinsic
def _numbers(typing_context: Any, count: Any, like: Any) -> Any:
    kind = types.Array(like, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _on_stack(context, builder, kind, signature.args[:1], arguments[:1])

    return kind(count, like), generate


numbers: Any = _numbers
"""`numbers(count, like)`: room for so many numbers of the type of `like` until the function returns.

What it holds is undefined. Not for loops: each call takes more of the stack.
"""


@intrinsic
def _rows(typing_context: Any, count: Any, length: Any, like: Any) -> Any:
    kind = types.Array(like, 2, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _on_stack(context, builder, kind, signature.args[:2], arguments[:2])

    return kind(count, length, like), generate


rows: Any = _rows
"""`rows(count, length, like)`: the same, in rows of equal length."""


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
    made = make_array(kind)(context, builder)  # type: ignore[no-untyped-call]
    memory = builder.alloca(number, size=count)
    populate_array(  # type: ignore[no-untyped-call]
        made, data=memory, shape=shape, strides=strides, itemsize=size, meminfo=None
    )
    return made._getvalue()


@lean_inline
def copy(source_N: Any, target_N: Any) -> None:
    """Write one row of numbers over another, which must not be longer."""
    for n in range(len(target_N)):
        target_N[n] = source_N[n]
