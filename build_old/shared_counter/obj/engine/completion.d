build/shared_counter/obj/engine/completion.o: engine/completion.c \
 engine/completion.h engine/options.h engine/subcommand.h
engine/completion.h:
engine/options.h:
engine/subcommand.h:
