build/obj/step/tests/crash/step_image.o: tests/crash/step_image.c \
 tests/crash/step.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/slot.h engine/chunk.h \
 engine/names.h
tests/crash/step.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/slot.h:
engine/chunk.h:
engine/names.h:
