build/shared_counter/obj/engine/screen.o: engine/screen.c engine/screen.h \
 engine/atomics.h engine/text.h engine/watch.h engine/arena.h
engine/screen.h:
engine/atomics.h:
engine/text.h:
engine/watch.h:
engine/arena.h:
