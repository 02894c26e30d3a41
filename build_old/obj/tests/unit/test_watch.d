build/obj/tests/unit/test_watch.o: tests/unit/test_watch.c engine/actor.h \
 engine/arena.h engine/atomics.h engine/acc.h engine/slot.h engine/slab.h \
 engine/failure.h engine/task.h engine/watch.h
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/failure.h:
engine/task.h:
engine/watch.h:
