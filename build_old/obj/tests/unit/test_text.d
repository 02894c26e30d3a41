build/obj/tests/unit/test_text.o: tests/unit/test_text.c engine/text.h
engine/text.h:
