build/obj/tests/unit/test_human.o: tests/unit/test_human.c engine/human.h
engine/human.h:
