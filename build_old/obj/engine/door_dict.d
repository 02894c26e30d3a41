build/obj/engine/door_dict.o: engine/door_dict.c engine/door.h \
 /usr/include/luajit-2.1/lauxlib.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h /usr/include/luajit-2.1/lua.h \
 engine/engine.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/codec.h engine/config.h \
 engine/hash.h engine/names.h engine/post.h engine/view.h \
 engine/dict_tx.h engine/dict.h engine/block.h
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
engine/hash.h:
engine/names.h:
engine/post.h:
engine/view.h:
engine/dict_tx.h:
engine/dict.h:
engine/block.h:
