build/obj/engine/new.o: engine/new.c engine/new.h engine/options.h \
 engine/help.h
engine/new.h:
engine/options.h:
engine/help.h:
