build/obj/tests/stress/kill_dict.o: tests/stress/kill_dict.c \
 engine/actor.h engine/arena.h engine/atomics.h engine/acc.h \
 engine/slot.h engine/slab.h engine/codec.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/commit.h engine/hash.h \
 engine/idle.h engine/lock.h engine/names.h engine/post.h engine/queue.h \
 engine/recover.h engine/task.h engine/view.h engine/dict_tx.h \
 engine/dict.h engine/block.h
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/commit.h:
engine/hash.h:
engine/idle.h:
engine/lock.h:
engine/names.h:
engine/post.h:
engine/queue.h:
engine/recover.h:
engine/task.h:
engine/view.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
