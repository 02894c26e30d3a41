build/shared_counter/obj/engine/profile.o: engine/profile.c \
 engine/profile.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h /usr/include/luajit-2.1/luajit.h \
 /usr/include/luajit-2.1/lua.h engine/engine.h engine/actor.h \
 engine/arena.h engine/atomics.h engine/acc.h engine/slot.h engine/slab.h \
 engine/codec.h engine/config.h engine/hash.h engine/log.h \
 engine/observe.h engine/watch.h engine/outfile.h engine/text.h
engine/profile.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
/usr/include/luajit-2.1/luajit.h:
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
engine/log.h:
engine/observe.h:
engine/watch.h:
engine/outfile.h:
engine/text.h:
