build/obj/tests/unit/test_record.o: tests/unit/test_record.c \
 tests/unit/fixture.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/block.h engine/commit.h \
 engine/queue.h engine/record.h engine/recover.h engine/task.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/block.h:
engine/commit.h:
engine/queue.h:
engine/record.h:
engine/recover.h:
engine/task.h:
