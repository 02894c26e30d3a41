build/obj/tests/stress/kill_tasks.o: tests/stress/kill_tasks.c \
 engine/recover.h engine/arena.h engine/atomics.h tests/stress/tree.h \
 engine/acc.h engine/slot.h engine/actor.h engine/acc.h engine/slab.h \
 engine/block.h engine/commit.h engine/idle.h engine/post.h \
 engine/queue.h engine/task.h
engine/recover.h:
engine/arena.h:
engine/atomics.h:
tests/stress/tree.h:
engine/acc.h:
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
