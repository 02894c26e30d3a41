build/shared_counter/obj/engine/halt.o: engine/halt.c engine/halt.h \
 engine/arena.h engine/atomics.h engine/config.h engine/slot.h
engine/halt.h:
engine/arena.h:
engine/atomics.h:
engine/config.h:
engine/slot.h:
