build/obj/sim/tests/crash/sim_ops.o: tests/crash/sim_ops.c \
 tests/crash/sim_job.h tests/crash/sim.h engine/acc.h engine/arena.h \
 engine/atomics.h engine/slot.h engine/actor.h engine/acc.h engine/slab.h \
 engine/codec.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/hash.h engine/names.h \
 engine/view.h engine/dict_tx.h engine/dict.h engine/block.h
tests/crash/sim_job.h:
tests/crash/sim.h:
engine/acc.h:
engine/arena.h:
engine/atomics.h:
engine/slot.h:
engine/actor.h:
engine/acc.h:
engine/slab.h:
engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/hash.h:
engine/names.h:
engine/view.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
