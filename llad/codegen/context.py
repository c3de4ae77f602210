"""How the memory lies that lowered code, the run-time and the entry points share: a call's context, and its blocks.

The context begins as zeros. A block is a piece of memory that the call owns: a header, and behind it the data.

Invariant: all offsets are in bytes, of words of eight.
"""

from __future__ import annotations

# Of the context. `BLOCKS`: the newest block of the call, or null. `VALUES`: four that the message of a failed check
# shows. `FLOOR`: the lowest address that the stack may reach. `THREAD`: the thread's state, saved while Python has let
# go of the GIL. `COUNTER`: what was done since the last poll, and when that was: `POLLED`. `MADE`: how many blocks were
# made. `LOOP`: while chunks of a loop are run, what this thread knows of the loop.
BLOCKS, VALUES, FLOOR, THREAD, COUNTER, POLLED, MADE, LOOP = 0, 8, 40, 48, 56, 64, 72, 80
CONTEXT = "%llad.ctx = type { ptr, [4 x i64], ptr, ptr, i64, i64, i64, ptr }\n"
CONTEXT_WORDS = 11

# Of a block. `PREVIOUS` and `NEXT` in the list of the call's, where the next is older. `RAW`: the address from malloc,
# null once a capsule has taken the block over. `BYTES` of data; -1 for the stack of a LIFO. `SERIAL`: the number of the
# block. `OWNER`: that capsule.
PREVIOUS, NEXT, RAW, BYTES, SERIAL, OWNER = range(0, 48, 8)
HEADER = 48  # the bytes before the data
EXTRA = HEADER + 64  # what an aligned block takes besides its data
