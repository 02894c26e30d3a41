build/obj/tests/unit/test_cgroup.o: tests/unit/test_cgroup.c \
 engine/cgroup.h tests/unit/fixture_root.h
engine/cgroup.h:
tests/unit/fixture_root.h:
