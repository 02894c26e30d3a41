build/obj/tests/unit/test_crew.o: tests/unit/test_crew.c engine/crew.h \
 engine/arena.h engine/atomics.h tests/unit/fixture.h engine/actor.h \
 engine/acc.h engine/slot.h engine/slab.h engine/commit.h engine/gate.h \
 engine/idle.h engine/queue.h engine/task.h
engine/crew.h:
engine/arena.h:
engine/atomics.h:
tests/unit/fixture.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/commit.h:
engine/gate.h:
engine/idle.h:
engine/queue.h:
engine/task.h:
