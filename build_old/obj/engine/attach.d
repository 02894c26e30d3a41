build/obj/engine/attach.o: engine/attach.c engine/attach.h \
 engine/procstat.h engine/watch.h engine/arena.h engine/atomics.h
engine/attach.h:
engine/procstat.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
