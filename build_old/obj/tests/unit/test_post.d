build/obj/tests/unit/test_post.o: tests/unit/test_post.c \
 tests/unit/fixture.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/commit.h engine/idle.h \
 engine/post.h engine/queue.h engine/record.h engine/recover.h \
 engine/task.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/commit.h:
engine/idle.h:
engine/post.h:
engine/queue.h:
engine/record.h:
engine/recover.h:
engine/task.h:
