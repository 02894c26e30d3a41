build/obj/tests/unit/test_glance.o: tests/unit/test_glance.c \
 engine/glance.h engine/attach.h engine/watch.h engine/arena.h \
 engine/atomics.h engine/topline.h engine/glance.h engine/toporder.h
engine/glance.h:
engine/attach.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
engine/topline.h:
engine/glance.h:
engine/toporder.h:
