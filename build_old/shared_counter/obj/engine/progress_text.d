build/shared_counter/obj/engine/progress_text.o: engine/progress_text.c \
 engine/progress_text.h engine/figures.h engine/watch.h engine/arena.h \
 engine/atomics.h engine/pace.h engine/text.h engine/columns.h \
 engine/engine.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/actor.h engine/acc.h \
 engine/slot.h engine/slab.h engine/codec.h engine/config.h \
 engine/human.h
engine/progress_text.h:
engine/figures.h:
engine/watch.h:
engine/arena.h:
engine/atomics.h:
engine/pace.h:
engine/text.h:
engine/columns.h:
engine/engine.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
engine/config.h:
engine/human.h:
