build/shared_counter/obj/engine/sink.o: engine/sink.c engine/sink.h \
 engine/screen.h
engine/sink.h:
engine/screen.h:
