build/obj/step/engine/scratch.o: engine/scratch.c engine/scratch.h
engine/scratch.h:
