build/obj/sim/tests/crash/sim.o: tests/crash/sim.c tests/crash/sim.h \
 engine/actor.h engine/arena.h engine/atomics.h engine/acc.h \
 engine/slot.h engine/slab.h engine/block.h engine/chunk.h engine/idle.h \
 engine/names.h engine/queue.h engine/recover.h engine/resume.h \
 engine/task.h
tests/crash/sim.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/block.h:
engine/chunk.h:
engine/idle.h:
engine/names.h:
engine/queue.h:
engine/recover.h:
engine/resume.h:
engine/task.h:
