build/shared_counter/obj/engine/topscreen.o: engine/topscreen.c \
 engine/topscreen.h engine/glance.h engine/attach.h engine/watch.h \
 engine/arena.h engine/atomics.h engine/topline.h engine/toporder.h
engine/topscreen.h:
engine/glance.h:
engine/attach.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
engine/topline.h:
engine/toporder.h:
