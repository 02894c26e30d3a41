build/obj/tests/unit/test_order.o: tests/unit/test_order.c engine/arena.h \
 engine/atomics.h engine/order.h
engine/arena.h:
engine/atomics.h:
engine/order.h:
