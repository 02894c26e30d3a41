build/obj/engine/scratch.o: engine/scratch.c engine/scratch.h
engine/scratch.h:
