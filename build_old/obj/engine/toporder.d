build/obj/engine/toporder.o: engine/toporder.c engine/toporder.h \
 engine/glance.h engine/attach.h engine/watch.h engine/arena.h \
 engine/atomics.h
engine/toporder.h:
engine/glance.h:
engine/attach.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
