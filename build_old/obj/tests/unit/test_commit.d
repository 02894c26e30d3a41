build/obj/tests/unit/test_commit.o: tests/unit/test_commit.c \
 tests/unit/fixture.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/block.h engine/commit.h \
 engine/idle.h engine/queue.h engine/record.h engine/task.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/block.h:
engine/commit.h:
engine/idle.h:
engine/queue.h:
engine/record.h:
engine/task.h:
