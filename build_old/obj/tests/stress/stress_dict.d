build/obj/tests/stress/stress_dict.o: tests/stress/stress_dict.c \
 engine/actor.h engine/arena.h engine/atomics.h engine/acc.h \
 engine/slot.h engine/slab.h engine/codec.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/dict_tx.h engine/dict.h \
 engine/block.h engine/hash.h engine/lock.h engine/names.h
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
engine/hash.h:
engine/lock.h:
engine/names.h:
