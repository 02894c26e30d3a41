build/shared_counter/obj/engine/door_job.o: engine/door_job.c \
 engine/door.h /usr/include/luajit-2.1/lauxlib.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 /usr/include/luajit-2.1/lua.h engine/engine.h engine/actor.h \
 engine/arena.h engine/atomics.h engine/acc.h engine/slot.h engine/slab.h \
 engine/codec.h engine/config.h engine/commit.h engine/cpus.h \
 engine/figures.h engine/watch.h engine/log.h engine/luamem.h \
 engine/options.h engine/report.h engine/state.h engine/super.h \
 engine/task.h engine/worker.h
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
engine/commit.h:
engine/cpus.h:
engine/figures.h:
engine/watch.h:
engine/log.h:
engine/luamem.h:
engine/options.h:
engine/report.h:
engine/state.h:
engine/super.h:
engine/task.h:
engine/worker.h:
