build/obj/tests/unit/test_guard.o: tests/unit/test_guard.c engine/guard.h \
 engine/arena.h engine/atomics.h engine/config.h \
 tests/unit/fixture_root.h
engine/guard.h:
engine/arena.h:
engine/atomics.h:
engine/config.h:
tests/unit/fixture_root.h:
