build/shared_counter/obj/engine/options.o: engine/options.c \
 engine/options.h
engine/options.h:
