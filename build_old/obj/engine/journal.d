build/obj/engine/journal.o: engine/journal.c engine/journal.h \
 engine/arena.h engine/atomics.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/record.h engine/task.h
engine/journal.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/record.h:
engine/task.h:
