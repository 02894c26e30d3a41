build/obj/engine/observe.o: engine/observe.c engine/observe.h \
 engine/watch.h engine/arena.h engine/atomics.h engine/engine.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/actor.h engine/acc.h engine/slot.h engine/slab.h engine/codec.h \
 engine/config.h engine/failure.h engine/task.h
engine/observe.h:
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
engine/failure.h:
engine/task.h:
