build/obj/tests/unit/test_state.o: tests/unit/test_state.c \
 tests/unit/fixture.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/acc.h engine/block.h \
 engine/chunk.h engine/commit.h engine/dict_tx.h engine/dict.h \
 engine/block.h engine/hash.h engine/idle.h engine/names.h engine/post.h \
 engine/queue.h engine/record.h engine/resume.h engine/state.h \
 engine/task.h
tests/unit/fixture.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/acc.h:
engine/block.h:
engine/chunk.h:
engine/commit.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
engine/hash.h:
engine/idle.h:
engine/names.h:
engine/post.h:
engine/queue.h:
engine/record.h:
engine/resume.h:
engine/state.h:
engine/task.h:
