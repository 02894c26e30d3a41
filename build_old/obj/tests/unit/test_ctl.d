build/obj/tests/unit/test_ctl.o: tests/unit/test_ctl.c engine/ctl.h \
 engine/ctl_dir.h
engine/ctl.h:
engine/ctl_dir.h:
