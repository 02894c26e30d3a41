build/obj/tests/unit/fixture.o: tests/unit/fixture.c tests/unit/fixture.h \
 engine/actor.h engine/arena.h engine/atomics.h engine/acc.h \
 engine/slot.h engine/slab.h engine/block.h engine/chunk.h \
 engine/commit.h engine/queue.h engine/task.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/block.h:
engine/chunk.h:
engine/commit.h:
engine/queue.h:
engine/task.h:
