build/obj/engine/arena.o: engine/arena.c engine/arena.h engine/atomics.h \
 engine/names.h engine/scratch.h engine/slot.h
engine/arena.h:
engine/atomics.h:
engine/names.h:
engine/scratch.h:
engine/slot.h:
