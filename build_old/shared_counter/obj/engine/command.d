build/shared_counter/obj/engine/command.o: engine/command.c \
 engine/command.h engine/config.h /usr/include/luajit-2.1/lauxlib.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/lualib.h \
 engine/bytecode.h engine/deadletter.h engine/door.h engine/engine.h \
 engine/actor.h engine/arena.h engine/atomics.h engine/acc.h \
 engine/slot.h engine/slab.h engine/codec.h engine/inspect.h \
 engine/joblog.h engine/log.h engine/output.h engine/profile.h \
 engine/progress.h engine/state.h engine/summary.h engine/trace.h \
 engine/worker.h
engine/command.h:
engine/config.h:
/usr/include/luajit-2.1/lauxlib.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/lualib.h:
engine/bytecode.h:
engine/deadletter.h:
engine/door.h:
engine/engine.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
engine/inspect.h:
engine/joblog.h:
engine/log.h:
engine/output.h:
engine/profile.h:
engine/progress.h:
engine/state.h:
engine/summary.h:
engine/trace.h:
engine/worker.h:
