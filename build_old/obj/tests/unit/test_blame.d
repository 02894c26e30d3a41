build/obj/tests/unit/test_blame.o: tests/unit/test_blame.c engine/blame.h
engine/blame.h:
