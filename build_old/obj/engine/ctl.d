build/obj/engine/ctl.o: engine/ctl.c engine/ctl.h engine/ctl_dir.h \
 engine/engine.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/actor.h engine/arena.h \
 engine/atomics.h engine/acc.h engine/slot.h engine/slab.h engine/codec.h \
 engine/config.h engine/gate.h engine/idle.h engine/log.h
engine/ctl.h:
engine/ctl_dir.h:
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
engine/gate.h:
engine/idle.h:
engine/log.h:
