build/obj/sim/tests/crash/sim_sched.o: tests/crash/sim_sched.c \
 tests/crash/sim.h engine/atomics.h engine/futex.h
tests/crash/sim.h:
engine/atomics.h:
engine/futex.h:
