build/shared_counter/obj/engine/topline.o: engine/topline.c \
 engine/topline.h engine/glance.h engine/attach.h engine/watch.h \
 engine/arena.h engine/atomics.h engine/human.h engine/utf8.h
engine/topline.h:
engine/glance.h:
engine/attach.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
engine/human.h:
engine/utf8.h:
