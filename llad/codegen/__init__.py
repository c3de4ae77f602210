"""IR → LLVM IR → machine code, and the entry points that Python calls. The only importer of llvmlite.

The files, in an order in which they may be read; each says in its heading what is in it.

- IR → LLVM IR: `lower` · `lower_emit` · `lower_scalar` · `lower_flags` · `lower_products` ·
  `lower_control` · `lower_loops` · `loop_hints` · `lower_memory` · `lower_totals` · `lower_sweep` · `lower_call` ·
  `lower_threads` · `lower_poll` · `lower_print` · `lower_tape` · `lower_lines` · `constants`
- Elementary functions: `vector_math` · `vector_text` · `vector_exp` · `vector_log` · `vector_pow` · `vector_root` ·
  `vector_trig` · `vector_arc` · `vector_error` · `vector_single` · `late`
- The run-time: `runtime` · `context` · `runtime_text` · `runtime_memory` · `runtime_pool` · `runtime_stack` ·
  `runtime_poll` · `runtime_lines` · `runtime_math` · `runtime_matmul` · `runtime_threads` · `runtime_workers` ·
  `runtime_turn` · `runtime_objects` · `runtime_windows` · `printing`
- LLVM IR → machine code: `target` · `optimise` · `jit` · `symbols` · `deferred`
- Calls from Python: `plan` · `assembly` · `layout` · `unpack` · `take` · `entry` · `handover` · `vectorcall` ·
  `foreign` · `work`
- Code that is kept on disk: `outline` · `environment` · `store`
"""
