build/shared_counter/obj/engine/guard.o: engine/guard.c engine/guard.h \
 engine/arena.h engine/atomics.h engine/config.h engine/actor.h \
 engine/acc.h engine/slot.h engine/slab.h engine/cpus.h engine/gate.h \
 engine/idle.h engine/log.h engine/memlimit.h engine/report.h
engine/guard.h:
engine/arena.h:
engine/atomics.h:
engine/config.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/cpus.h:
engine/gate.h:
engine/idle.h:
engine/log.h:
engine/memlimit.h:
engine/report.h:
