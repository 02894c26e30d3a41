build/mutants/obj/sim/tests/crash/sim_view.o: tests/crash/sim_view.c \
 tests/crash/../../engine/view.c tests/crash/../../engine/view.h \
 tests/crash/../../engine/dict_tx.h tests/crash/../../engine/dict.h \
 tests/crash/../../engine/arena.h tests/crash/../../engine/atomics.h \
 tests/crash/../../engine/block.h tests/crash/../../engine/slot.h \
 tests/crash/../../engine/actor.h tests/crash/../../engine/acc.h \
 tests/crash/../../engine/slab.h tests/crash/../../engine/codec.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 tests/crash/../../engine/hash.h tests/crash/../../engine/journal.h \
 tests/crash/../../engine/lock.h tests/crash/sim.h
tests/crash/../../engine/view.c:
tests/crash/../../engine/view.h:
tests/crash/../../engine/dict_tx.h:
tests/crash/../../engine/dict.h:
tests/crash/../../engine/arena.h:
tests/crash/../../engine/atomics.h:
tests/crash/../../engine/block.h:
tests/crash/../../engine/slot.h:
tests/crash/../../engine/actor.h:
tests/crash/../../engine/acc.h:
tests/crash/../../engine/slab.h:
tests/crash/../../engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
tests/crash/../../engine/hash.h:
tests/crash/../../engine/journal.h:
tests/crash/../../engine/lock.h:
tests/crash/sim.h:
