"""Python source → IR: a function's syntax tree is followed on values that stand for those of the run.

The files, in an order in which they may be read; each says in its heading what is in it.

- The trace, and what it gives: `trace` · `core` · `signature` · `results` · `state`
- Values, and how those of two paths meet: `values` · `shapes` · `promotion` · `numbers` · `arithmetic` · `casts` ·
  `comparisons` · `rounding` · `parts` · `nones` · `assumed`
- Source and facts of the syntax: `source` · `tree` · `desugar` · `patterns` · `effects` · `liveness`
- What is outside of the function: `guards` · `reads` · `inventory` · `words` · `refused`
- Expressions: `expressions` · `names` · `attributes` · `subscripts` · `truths` · `comparing` · `conditions` ·
  `comprehensions` · `generators` · `generating` · `printing`
- Statements: `statements` · `targets` · `branches` · `fork` · `loops` · `rounds` · `carries` · `unrolling` · `exits` ·
  `imports` · `managers` · `matching` · `lending`
- Loops that are asked for something: `checkpoints`
- Calls: `calls` · `callables` · `spellings` · `statics` · `arguments` · `getters` · `outline` · `recursion` · `table`
- Sequences and iterators: `sequences` · `iteration` · `iterators` · `ranges` · `chosen` · `sorting`
- Lists whose length is known only at run time: `rows` · `kinds` · `rooms` · `growing` · `growth` · `changing` ·
  `moving` · `meeting` · `methods_of_lists` · `list_arithmetic` · `outside`
- What objects hold, who else may see them, and going back: `contents` · `ledger` · `sharing` · `references` · `loose` ·
  `moments`
- Objects with attributes: `records` · `objects` · `inherited` · `copying` · `collected`
- Arrays: their extents, elements and views: `arrays` · `extents` · `axes` · `alike` · `slices` · `indexing` ·
  `advanced` · `orders` · `creation` · `outputs`
- Functions of NumPy and of math: `library` · `functions` · `mathematics` · `ufuncs` · `ufunc_methods` · `operands` ·
  `reductions` · `rearrange` · `contractions` · `einsum` · `products` · `spaces` · `vectorizing`
- Linear algebra, special functions, complex numbers: `linear` · `decompositions` · `once` · `special` ·
  `complex_values` · `complex_functions` · `complex_linear`
- Derivatives in traced code: `transforms` · `differentiate` · `closures` · `jacobians` · `pullbacks`
"""
