build/shared_counter/obj/engine/failure.o: engine/failure.c \
 engine/failure.h engine/hash.h
engine/failure.h:
engine/hash.h:
