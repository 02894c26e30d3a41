build/obj/engine/door_history.o: engine/door_history.c engine/door.h \
 /usr/include/luajit-2.1/lauxlib.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h /usr/include/luajit-2.1/lua.h \
 engine/engine.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/codec.h engine/config.h \
 engine/history.h engine/watch.h engine/observe.h engine/outfile.h \
 engine/text.h engine/report.h
engine/door.h:
/usr/include/luajit-2.1/lauxlib.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
/usr/include/luajit-2.1/lua.h:
engine/engine.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
engine/config.h:
engine/history.h:
engine/watch.h:
engine/observe.h:
engine/outfile.h:
engine/text.h:
engine/report.h:
