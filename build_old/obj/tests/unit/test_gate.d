build/obj/tests/unit/test_gate.o: tests/unit/test_gate.c engine/gate.h \
 engine/arena.h engine/atomics.h tests/unit/fixture.h engine/actor.h \
 engine/acc.h engine/slot.h engine/slab.h engine/commit.h engine/idle.h \
 engine/queue.h engine/task.h
engine/gate.h:
engine/arena.h:
engine/atomics.h:
tests/unit/fixture.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/commit.h:
engine/idle.h:
engine/queue.h:
engine/task.h:
