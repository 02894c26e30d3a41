build/shared_counter/obj/engine/pace.o: engine/pace.c engine/pace.h
engine/pace.h:
