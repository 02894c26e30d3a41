build/obj/engine/summary.o: engine/summary.c engine/summary.h \
 engine/config.h engine/cpus.h engine/engine.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/actor.h engine/arena.h engine/atomics.h engine/acc.h \
 engine/slot.h engine/slab.h engine/codec.h engine/failure.h \
 engine/figures.h engine/watch.h engine/hints.h engine/human.h \
 engine/log.h engine/observe.h engine/progress.h engine/text.h
engine/summary.h:
engine/config.h:
engine/cpus.h:
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
engine/failure.h:
engine/figures.h:
engine/watch.h:
engine/hints.h:
engine/human.h:
engine/log.h:
engine/observe.h:
engine/progress.h:
engine/text.h:
