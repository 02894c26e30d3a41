build/obj/sim/tests/crash/sim_check.o: tests/crash/sim_check.c \
 tests/crash/sim_job.h tests/crash/sim.h engine/acc.h engine/arena.h \
 engine/atomics.h engine/slot.h engine/actor.h engine/acc.h engine/slab.h \
 engine/block.h engine/chunk.h engine/dict.h engine/block.h \
 engine/names.h engine/task.h
tests/crash/sim_job.h:
tests/crash/sim.h:
engine/acc.h:
engine/arena.h:
engine/atomics.h:
engine/slot.h:
engine/actor.h:
engine/acc.h:
engine/slab.h:
engine/block.h:
engine/chunk.h:
engine/dict.h:
engine/block.h:
engine/names.h:
engine/task.h:
