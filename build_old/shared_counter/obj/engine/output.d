build/shared_counter/obj/engine/output.o: engine/output.c engine/output.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/atomics.h /usr/include/luajit-2.1/lauxlib.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/lualib.h \
 engine/engine.h engine/actor.h engine/arena.h engine/acc.h engine/slot.h \
 engine/slab.h engine/codec.h engine/config.h engine/keep.h engine/lock.h \
 engine/log.h engine/orderlog.h engine/order.h engine/printer.h \
 engine/report.h engine/sink.h engine/task.h
engine/output.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/atomics.h:
/usr/include/luajit-2.1/lauxlib.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/lualib.h:
engine/engine.h:
engine/actor.h:
engine/arena.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
engine/config.h:
engine/keep.h:
engine/lock.h:
engine/log.h:
engine/orderlog.h:
engine/order.h:
engine/printer.h:
engine/report.h:
engine/sink.h:
engine/task.h:
