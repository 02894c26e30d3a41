build/obj/tests/unit/test_recover.o: tests/unit/test_recover.c \
 tests/unit/fixture.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/recover.h \
 tests/unit/../stress/tree.h engine/acc.h engine/block.h engine/commit.h \
 engine/idle.h engine/post.h engine/queue.h engine/task.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/recover.h:
tests/unit/../stress/tree.h:
engine/acc.h:
engine/block.h:
engine/commit.h:
engine/idle.h:
engine/post.h:
engine/queue.h:
engine/task.h:
