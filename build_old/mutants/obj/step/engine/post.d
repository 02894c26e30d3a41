build/mutants/obj/step/engine/post.o: engine/post.c engine/post.h \
 engine/arena.h engine/atomics.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/commit.h engine/hash.h engine/idle.h \
 engine/queue.h engine/record.h engine/task.h
engine/post.h:
engine/arena.h:
engine/atomics.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/commit.h:
engine/hash.h:
engine/idle.h:
engine/queue.h:
engine/record.h:
engine/task.h:
