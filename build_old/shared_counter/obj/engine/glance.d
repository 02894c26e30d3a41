build/shared_counter/obj/engine/glance.o: engine/glance.c engine/glance.h \
 engine/attach.h engine/watch.h engine/arena.h engine/atomics.h \
 engine/procstat.h
engine/glance.h:
engine/attach.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
engine/procstat.h:
