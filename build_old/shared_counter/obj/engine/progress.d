build/shared_counter/obj/engine/progress.o: engine/progress.c \
 engine/progress.h engine/config.h engine/engine.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/actor.h engine/arena.h engine/atomics.h engine/acc.h \
 engine/slot.h engine/slab.h engine/codec.h engine/log.h engine/observe.h \
 engine/watch.h engine/progress_text.h engine/figures.h engine/pace.h \
 engine/text.h engine/screen.h
engine/progress.h:
engine/config.h:
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
engine/log.h:
engine/observe.h:
engine/watch.h:
engine/progress_text.h:
engine/figures.h:
engine/pace.h:
engine/text.h:
engine/screen.h:
