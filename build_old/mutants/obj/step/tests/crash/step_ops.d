build/mutants/obj/step/tests/crash/step_ops.o: tests/crash/step_ops.c \
 tests/crash/step.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/slot.h engine/block.h \
 engine/codec.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/commit.h engine/dict_tx.h \
 engine/dict.h engine/block.h engine/hash.h engine/idle.h engine/names.h \
 engine/post.h engine/queue.h engine/recover.h engine/task.h \
 engine/view.h engine/dict_tx.h
tests/crash/step.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/slot.h:
engine/block.h:
engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/commit.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
engine/hash.h:
engine/idle.h:
engine/names.h:
engine/post.h:
engine/queue.h:
engine/recover.h:
engine/task.h:
engine/view.h:
engine/dict_tx.h:
