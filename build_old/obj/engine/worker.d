build/obj/engine/worker.o: engine/worker.c engine/worker.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 /usr/include/luajit-2.1/lauxlib.h /usr/include/luajit-2.1/lua.h \
 engine/chain.h engine/commit.h engine/slot.h engine/arena.h \
 engine/atomics.h engine/deadletter.h engine/door.h engine/engine.h \
 engine/actor.h engine/acc.h engine/slab.h engine/codec.h engine/config.h \
 engine/gate.h engine/guard.h engine/halt.h engine/idle.h \
 engine/inspect.h engine/log.h engine/luamem.h engine/names.h \
 engine/output.h engine/post.h engine/profile.h engine/queue.h \
 engine/report.h engine/task.h engine/view.h engine/dict_tx.h \
 engine/dict.h engine/block.h engine/watch.h
engine/worker.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
/usr/include/luajit-2.1/lauxlib.h:
/usr/include/luajit-2.1/lua.h:
engine/chain.h:
engine/commit.h:
engine/slot.h:
engine/arena.h:
engine/atomics.h:
engine/deadletter.h:
engine/door.h:
engine/engine.h:
engine/actor.h:
engine/acc.h:
engine/slab.h:
engine/codec.h:
engine/config.h:
engine/gate.h:
engine/guard.h:
engine/halt.h:
engine/idle.h:
engine/inspect.h:
engine/log.h:
engine/luamem.h:
engine/names.h:
engine/output.h:
engine/post.h:
engine/profile.h:
engine/queue.h:
engine/report.h:
engine/task.h:
engine/view.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
engine/watch.h:
