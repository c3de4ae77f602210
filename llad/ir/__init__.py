"""The IR: data, text, meaning, and questions about it (`docs/ir.md`).

The files, in an order in which they may be read; each says in its heading what is in it.

- The data: `types` · `core` · `build` · `rewrite`
- Text, invariants, meaning: `text` · `parse` · `verify` · `interp` · `interp_values` · `interp_memory` · `printed` ·
  `errors`
- Integers: `affine` · `elements` · `sizes`
- Memory: `alias` · `overwrites` · `coverage` · `settled` · `distinct` · `hidden` · `revisits` · `poison` ·
  `within` · `overtaken`
- Loops: `sums` · `cycles`
"""
