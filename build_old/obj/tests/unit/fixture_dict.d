build/obj/tests/unit/fixture_dict.o: tests/unit/fixture_dict.c \
 tests/unit/fixture_dict.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/dict_tx.h engine/dict.h \
 engine/block.h engine/block.h engine/codec.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/commit.h engine/hash.h engine/names.h engine/post.h \
 engine/queue.h engine/recover.h engine/slab.h
tests/unit/fixture_dict.h:
engine/actor.h:
engine/arena.h:
engine/atomics.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
engine/block.h:
engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/commit.h:
engine/hash.h:
engine/names.h:
engine/post.h:
engine/queue.h:
engine/recover.h:
engine/slab.h:
