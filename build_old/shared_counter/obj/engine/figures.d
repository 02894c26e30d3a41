build/shared_counter/obj/engine/figures.o: engine/figures.c \
 engine/figures.h engine/watch.h engine/arena.h engine/atomics.h \
 engine/engine.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/codec.h engine/config.h
engine/figures.h:
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
