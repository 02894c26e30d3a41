build/obj/engine/history.o: engine/history.c engine/history.h \
 engine/watch.h engine/arena.h engine/atomics.h engine/engine.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/actor.h engine/acc.h engine/slot.h engine/slab.h engine/codec.h \
 engine/config.h engine/observe.h
engine/history.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
engine/engine.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
engine/config.h:
engine/observe.h:
