build/shared_counter/obj/engine/keep.o: engine/keep.c engine/keep.h \
 engine/engine.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/actor.h engine/arena.h \
 engine/atomics.h engine/acc.h engine/slot.h engine/slab.h engine/codec.h \
 engine/config.h engine/report.h engine/scratch.h engine/task.h
engine/keep.h:
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
engine/report.h:
engine/scratch.h:
engine/task.h:
