build/shared_counter/obj/engine/idle.o: engine/idle.c engine/idle.h \
 engine/arena.h engine/atomics.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/futex.h engine/gate.h engine/queue.h \
 engine/task.h
engine/idle.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/futex.h:
engine/gate.h:
engine/queue.h:
engine/task.h:
