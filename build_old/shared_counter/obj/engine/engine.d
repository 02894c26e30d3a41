build/shared_counter/obj/engine/engine.o: engine/engine.c engine/engine.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/actor.h engine/arena.h engine/atomics.h engine/acc.h \
 engine/slot.h engine/slab.h engine/codec.h engine/config.h engine/hash.h \
 engine/log.h engine/memlimit.h engine/state.h engine/watch.h
engine/engine.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
engine/config.h:
engine/hash.h:
engine/log.h:
engine/memlimit.h:
engine/state.h:
engine/watch.h:
