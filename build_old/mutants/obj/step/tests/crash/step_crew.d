build/mutants/obj/step/tests/crash/step_crew.o: tests/crash/step_crew.c \
 tests/crash/step.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/slot.h engine/idle.h \
 engine/queue.h engine/recover.h engine/resume.h engine/task.h \
 engine/view.h engine/dict_tx.h engine/dict.h engine/block.h
tests/crash/step.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/slot.h:
engine/idle.h:
engine/queue.h:
engine/recover.h:
engine/resume.h:
engine/task.h:
engine/view.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
