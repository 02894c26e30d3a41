build/obj/engine/log.o: engine/log.c engine/log.h engine/screen.h
engine/log.h:
engine/screen.h:
