build/obj/engine/main.o: engine/main.c engine/cli.h engine/config.h \
 engine/command.h engine/help.h engine/options.h engine/subcommand.h
engine/cli.h:
engine/config.h:
engine/command.h:
engine/help.h:
engine/options.h:
engine/subcommand.h:
