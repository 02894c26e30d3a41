build/obj/engine/deadletter.o: engine/deadletter.c engine/deadletter.h \
 engine/engine.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/actor.h engine/arena.h \
 engine/atomics.h engine/acc.h engine/slot.h engine/slab.h engine/codec.h \
 engine/config.h engine/lock.h engine/log.h engine/output.h engine/task.h \
 engine/text.h
engine/deadletter.h:
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
engine/lock.h:
engine/log.h:
engine/output.h:
engine/task.h:
engine/text.h:
