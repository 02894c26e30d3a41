build/obj/engine/blame.o: engine/blame.c engine/blame.h
engine/blame.h:
