build/obj/engine/printer.o: engine/printer.c engine/printer.h \
 engine/engine.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/actor.h engine/arena.h \
 engine/atomics.h engine/acc.h engine/slot.h engine/slab.h engine/codec.h \
 engine/config.h engine/lock.h engine/log.h engine/order.h \
 engine/orderlog.h engine/output.h engine/report.h engine/sink.h \
 engine/task.h
engine/printer.h:
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
engine/order.h:
engine/orderlog.h:
engine/output.h:
engine/report.h:
engine/sink.h:
engine/task.h:
