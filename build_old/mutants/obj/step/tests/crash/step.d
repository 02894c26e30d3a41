build/mutants/obj/step/tests/crash/step.o: tests/crash/step.c \
 tests/crash/step.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/slot.h engine/codec.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/dict.h engine/block.h engine/hash.h engine/idle.h \
 engine/state_check.h engine/task.h
tests/crash/step.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/slot.h:
engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/dict.h:
engine/block.h:
engine/hash.h:
engine/idle.h:
engine/state_check.h:
engine/task.h:
