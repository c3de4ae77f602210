"""IR → IR, one pass a file. `docs/passes.md` lists the passes in the order of the pipeline.

The files, by what they are for; each says in its heading what is in it.

- How passes write: `rebuild` · `strips` · `cutting`
- What passes ask: `ranges` · `claims` · `scouts` · `equal` · `effects` · `partial_sums` · `sharing` · `varying` ·
  `additions` · `copies` · `balance` · `large_rows`
- What is simpler: `fold` · `identities` · `simplify` · `cse` · `checks` · `dce` · `choose` · `unite` · `peel` ·
  `induction` · `licm` · `overwritten`
- Loops joined and taken apart: `fuse` · `contract` · `tabulate` · `accumulate` · `distribute` · `distribute_plan` ·
  `distribute_strips` · `aside` · `stages` · `blocks`
- Records and small arrays become numbers: `records` · `unroll` · `either` · `scalars` · `states` · `foresee` ·
  `presume` · `presume_plan` · `flatten` · `version` · `singles` · `unwrap`
- Loops for vectors and caches: `independent` · `ascend` · `afterwards` · `afterwards_plan` · `interchange` ·
  `interchange_plan` · `singly` · `across` · `across_plan` · `flat` · `jam` · `jam_plan` · `panels` · `panels_plan` ·
  `tiles` · `columns` · `rows` · `whole` · `extrema` · `winner` · `sooner` · `postpone` · `onward` · `latest` ·
  `latest_plan`
- Products of matrices: `products` · `products_nest` · `products_terms` · `products_plan` · `products_parts`
- Memory: `reuse` · `rotate` · `zeros` · `unpack` · `lodge` · `stream` · `fetch` · `ownership`
- Before and after differentiation: `decide` · `relax` · `release` · `sigmoids`
- Threads, and long functions: `permit` · `chunks` · `chunks_plan` · `parts` · `halves`
"""
