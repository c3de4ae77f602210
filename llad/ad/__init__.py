"""Differentiation, IR → IR: `forward.tangent`, `reverse.gradient`, and `expand.expand` for nested derivatives.

The files, in an order in which they may be read; each says in its heading what is in it.

- What both modes share: `activity` · `rules` · `memory` · `names`
- Forward mode: `forward`
- Reverse mode: the mirror: `reverse` · `adjoint` · `mirror` · `bars` · `guards` · `shadows` · `structure`
- How loops are reversed: `strategies` · `loops`
- What is kept, and how: `tape` · `keep` · `network` · `lasting` · `sheets` · `augment` · `filling`
- Loops with checkpoints: `stretches` · `inplace` · `snapshots` · `binomial`
- Calls, pullbacks, nested derivatives: `calls` · `cut` · `expand`
- What people are told: `report`
"""
