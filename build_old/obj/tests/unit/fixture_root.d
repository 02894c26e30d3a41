build/obj/tests/unit/fixture_root.o: tests/unit/fixture_root.c \
 tests/unit/fixture_root.h
tests/unit/fixture_root.h:
