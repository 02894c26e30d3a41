build/obj/sim/tests/crash/sim_job.o: tests/crash/sim_job.c \
 tests/crash/sim_job.h tests/crash/sim.h engine/acc.h engine/arena.h \
 engine/atomics.h engine/slot.h engine/actor.h engine/acc.h engine/slab.h \
 engine/block.h engine/commit.h engine/hash.h engine/idle.h \
 engine/names.h engine/post.h engine/task.h engine/view.h \
 engine/dict_tx.h engine/dict.h engine/block.h
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
engine/commit.h:
engine/hash.h:
engine/idle.h:
engine/names.h:
engine/post.h:
engine/task.h:
engine/view.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
