build/obj/engine/top.o: engine/top.c engine/top.h engine/options.h \
 engine/help.h engine/topline.h engine/glance.h engine/attach.h \
 engine/watch.h engine/arena.h engine/atomics.h engine/toporder.h \
 engine/topscreen.h
engine/top.h:
engine/options.h:
engine/help.h:
engine/topline.h:
engine/glance.h:
engine/attach.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
engine/toporder.h:
engine/topscreen.h:
