build/obj/tests/unit/test_memlimit.o: tests/unit/test_memlimit.c \
 engine/memlimit.h tests/unit/fixture_root.h
engine/memlimit.h:
tests/unit/fixture_root.h:
