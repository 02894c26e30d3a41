build/obj/engine/help.o: engine/help.c engine/help.h engine/options.h \
 engine/subcommand.h
engine/help.h:
engine/options.h:
engine/subcommand.h:
