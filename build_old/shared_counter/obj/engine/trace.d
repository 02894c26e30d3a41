build/shared_counter/obj/engine/trace.o: engine/trace.c engine/trace.h \
 engine/engine.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/actor.h engine/arena.h \
 engine/atomics.h engine/acc.h engine/slot.h engine/slab.h engine/codec.h \
 engine/config.h engine/hash.h engine/log.h engine/observe.h \
 engine/watch.h engine/outfile.h engine/text.h engine/report.h
engine/trace.h:
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
engine/observe.h:
engine/watch.h:
engine/outfile.h:
engine/text.h:
engine/report.h:
