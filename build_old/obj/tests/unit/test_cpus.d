build/obj/tests/unit/test_cpus.o: tests/unit/test_cpus.c engine/cpus.h \
 tests/unit/fixture_root.h
engine/cpus.h:
tests/unit/fixture_root.h:
