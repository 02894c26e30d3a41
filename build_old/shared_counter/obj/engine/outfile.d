build/shared_counter/obj/engine/outfile.o: engine/outfile.c \
 engine/outfile.h engine/text.h engine/log.h
engine/outfile.h:
engine/text.h:
engine/log.h:
