build/obj/engine/text.o: engine/text.c engine/text.h engine/utf8.h
engine/text.h:
engine/utf8.h:
