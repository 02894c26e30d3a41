build/shared_counter/obj/engine/subcommand.o: engine/subcommand.c \
 engine/subcommand.h engine/options.h engine/new.h engine/steer.h \
 engine/top.h
engine/subcommand.h:
engine/options.h:
engine/new.h:
engine/steer.h:
engine/top.h:
