build/obj/engine/columns.o: engine/columns.c engine/columns.h \
 engine/text.h engine/utf8.h
engine/columns.h:
engine/text.h:
engine/utf8.h:
