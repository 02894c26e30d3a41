build/shared_counter/obj/engine/door_task.o: engine/door_task.c \
 engine/door.h /usr/include/luajit-2.1/lauxlib.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 /usr/include/luajit-2.1/lua.h engine/engine.h engine/actor.h \
 engine/arena.h engine/atomics.h engine/acc.h engine/slot.h engine/slab.h \
 engine/codec.h engine/config.h engine/block.h engine/commit.h \
 engine/chain.h engine/deadletter.h engine/hash.h engine/idle.h \
 engine/names.h engine/output.h engine/post.h engine/task.h engine/view.h \
 engine/dict_tx.h engine/dict.h engine/watch.h
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
engine/block.h:
engine/commit.h:
engine/chain.h:
engine/deadletter.h:
engine/hash.h:
engine/idle.h:
engine/names.h:
engine/output.h:
engine/post.h:
engine/task.h:
engine/view.h:
engine/dict_tx.h:
engine/dict.h:
engine/watch.h:
