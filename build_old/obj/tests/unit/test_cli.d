build/obj/tests/unit/test_cli.o: tests/unit/test_cli.c engine/cli.h \
 engine/config.h engine/options.h engine/subcommand.h engine/options.h
engine/cli.h:
engine/config.h:
engine/options.h:
engine/subcommand.h:
engine/options.h:
