build/shared_counter/obj/engine/inspect.o: engine/inspect.c \
 engine/inspect.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/engine.h engine/actor.h \
 engine/arena.h engine/atomics.h engine/acc.h engine/slot.h engine/slab.h \
 engine/codec.h engine/config.h engine/human.h engine/log.h \
 engine/names.h engine/observe.h engine/watch.h engine/progress.h \
 engine/task.h engine/text.h
engine/inspect.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/engine.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
engine/config.h:
engine/human.h:
engine/log.h:
engine/names.h:
engine/observe.h:
engine/watch.h:
engine/progress.h:
engine/task.h:
engine/text.h:
