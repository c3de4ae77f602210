"""The run-time of sums in order: `@llad.turn` has a chunk of a loop add what it has of its own, when its turn has come.

That is when all chunks before it have. Until then the thread takes further chunks, each with memory of its own, on top
of those that wait: what waits on a thread is a list, the last chunk first, and whoever finds that it is the turn of one
of them runs its function. Only when that gets too many does the thread really wait. As chunks are taken in order, the
lowest that has not ended is always one that runs or can add, so nobody waits for ever; if one fails, or all are to
stop, those behind it give up.

Invariant: a chunk's entry in the list is on the stack of the function that waits, and is gone when that returns.
"""

from __future__ import annotations

from llad.codegen.context import LOOP
from llad.codegen.lower_poll import INTERRUPTED
from llad.codegen.runtime_text import address, loaded, stored
from llad.codegen.runtime_threads import GIVEN_UP, LOWEST, NEWEST, PARALLEL, STOP, TURN, WAITING
from llad.codegen.runtime_workers import PATIENT

MOST = 16  # chunks that wait on a thread while it runs another
_DEEP = 1 << 17  # bytes of its stack that they take at most, so that it has room for the other

# Words of an entry: the number of the chunk, its function, what that gets, and the entry of the chunk before.
_NUMBER, _RUN, _BLOCK, _BEFORE = range(0, 32, 8)

_IN_TURN = f"""
define i32 @llad.turn(ptr %ctx, i64 %k, ptr %run, ptr %block) noinline nounwind {{
  %entry = alloca [4 x i64], align 8
  {loaded("mine", "ptr", "%ctx", LOOP)}
  %all = load ptr, ptr %mine
  {loaded("newest", "ptr", "%mine", NEWEST)}
  {loaded("waiting", "i64", "%mine", WAITING)}
  {address("stop.p", "%all", STOP)}
  {address("lowest.p", "%all", LOWEST)}
  {address("turn.p", "%all", TURN)}
  store i64 %k, ptr %entry
  {stored("run", "ptr", "%entry", _RUN)}
  {stored("block", "ptr", "%entry", _BLOCK)}
  {address("before.p", "%entry", _BEFORE)}
  store ptr %newest, ptr %before.p
  store ptr %entry, ptr %newest.p
  %more = add nuw nsw i64 %waiting, 1
  store i64 %more, ptr %waiting.p
  %few = icmp slt i64 %waiting, {MOST}
  %top = ptrtoint ptr %mine to i64
  %here = ptrtoint ptr %entry to i64
  %used = sub i64 %top, %here
  %flat = icmp slt i64 %used, {_DEEP}
  %room = and i1 %few, %flat
  br label %fresh
fresh:
  %takes = phi i1 [%room, %0], [%takes, %passed], [%left, %took]
  br label %look
look:
  %n = phi i64 [0, %fresh], [%n.next, %again]
  %turn = load atomic i64, ptr %turn.p acquire, align 8
  br label %seek
seek:
  %one = phi ptr [%entry, %look], [%one.before, %other]
  %number = load i64, ptr %one
  %its = icmp eq i64 %number, %turn
  br i1 %its, label %add, label %other
other:
  {loaded("one.before", "ptr", "%one", _BEFORE)}
  %last = icmp eq ptr %one.before, null
  br i1 %last, label %none, label %seek
add:
  {loaded("one.run", "ptr", "%one", _RUN)}
  {loaded("one.block", "ptr", "%one", _BLOCK)}
  %added = call i32 %one.run(ptr %ctx, ptr %one.block, i64 %turn)
  %fine = icmp eq i32 %added, 0
  br i1 %fine, label %passed, label %leave
passed:
  %next = add nuw nsw i64 %turn, 1
  store atomic i64 %next, ptr %turn.p release, align 8
  br label %fresh
none:
  %over = icmp sgt i64 %turn, %k
  br i1 %over, label %leave, label %hope
hope:
  %lowest = load atomic i64, ptr %lowest.p acquire, align 8
  %lost = icmp slt i64 %lowest, %k
  %stop = load atomic i64, ptr %stop.p acquire, align 8
  %ends = icmp ne i64 %stop, 0
  %never = or i1 %lost, %ends
  br i1 %never, label %leave, label %act
act:
  br i1 %takes, label %take, label %rest
take:
  %ran = call i32 @llad.threads.next(ptr %ctx, ptr %all)
  %raised = icmp eq i32 %ran, {INTERRUPTED}
  br i1 %raised, label %leave, label %took
took:
  %left = icmp eq i32 %ran, 0
  br label %fresh
rest:
  call void @llad.crew.rest(i64 %n)
  %n.next = add nuw nsw i64 %n, 1
  %long = icmp sge i64 %n, {PATIENT}
  br i1 %long, label %ask, label %again
ask:
  %asked = call i32 @llad.poll(ptr %ctx)
  %quiet = icmp eq i32 %asked, 0
  br i1 %quiet, label %again, label %leave
again:
  br label %look
leave:
  %code = phi i32 [%added, %add], [0, %none], [{GIVEN_UP}, %hope], [%ran, %take], [%asked, %ask]
  store ptr %newest, ptr %newest.p
  store i64 %waiting, ptr %waiting.p
  ret i32 %code
}}
"""

# Where chunks run one after the other, it is always their turn.
_ALWAYS = """
define i32 @llad.turn(ptr %ctx, i64 %k, ptr %run, ptr %block) noinline nounwind {
  %code = call i32 %run(ptr %ctx, ptr %block, i64 %k)
  ret i32 %code
}
"""

TURNS = {"llad.turn": _IN_TURN if PARALLEL else _ALWAYS}
