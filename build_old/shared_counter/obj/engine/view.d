build/shared_counter/obj/engine/view.o: engine/view.c engine/view.h \
 engine/dict_tx.h engine/dict.h engine/arena.h engine/atomics.h \
 engine/block.h engine/slot.h engine/actor.h engine/acc.h engine/slab.h \
 engine/codec.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/hash.h engine/journal.h \
 engine/lock.h
engine/view.h:
engine/dict_tx.h:
engine/dict.h:
engine/arena.h:
engine/atomics.h:
engine/block.h:
engine/slot.h:
engine/actor.h:
engine/acc.h:
engine/slab.h:
engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/hash.h:
engine/journal.h:
engine/lock.h:
