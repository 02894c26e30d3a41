build/shared_counter/obj/engine/order.o: engine/order.c engine/order.h \
 engine/arena.h engine/atomics.h
engine/order.h:
engine/arena.h:
engine/atomics.h:
