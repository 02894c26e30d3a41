build/obj/tests/unit/test_log.o: tests/unit/test_log.c engine/log.h
engine/log.h:
