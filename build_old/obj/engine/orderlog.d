build/obj/engine/orderlog.o: engine/orderlog.c engine/orderlog.h \
 engine/order.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/lock.h engine/scratch.h
engine/orderlog.h:
engine/order.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/lock.h:
engine/scratch.h:
