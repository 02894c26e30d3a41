build/shared_counter/obj/engine/hints.o: engine/hints.c engine/hints.h \
 engine/human.h engine/text.h
engine/hints.h:
engine/human.h:
engine/text.h:
