build/obj/sim/engine/resume.o: engine/resume.c engine/resume.h \
 engine/arena.h engine/atomics.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/chunk.h engine/queue.h \
 engine/recover.h engine/task.h
engine/resume.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/chunk.h:
engine/queue.h:
engine/recover.h:
engine/task.h:
