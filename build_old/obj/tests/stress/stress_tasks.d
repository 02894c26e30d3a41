build/obj/tests/stress/stress_tasks.o: tests/stress/stress_tasks.c \
 tests/stress/tree.h engine/acc.h engine/arena.h engine/atomics.h \
 engine/slot.h engine/actor.h engine/acc.h engine/slab.h engine/block.h \
 engine/commit.h engine/idle.h engine/post.h engine/queue.h engine/task.h
tests/stress/tree.h:
engine/acc.h:
engine/arena.h:
engine/atomics.h:
engine/slot.h:
engine/actor.h:
engine/acc.h:
engine/slab.h:
engine/block.h:
engine/commit.h:
engine/idle.h:
engine/post.h:
engine/queue.h:
engine/task.h:
