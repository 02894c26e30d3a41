build/obj/tests/unit/test_view.o: tests/unit/test_view.c engine/codec.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 tests/unit/fixture_dict.h engine/actor.h engine/arena.h engine/atomics.h \
 engine/acc.h engine/slot.h engine/slab.h engine/dict_tx.h engine/dict.h \
 engine/block.h engine/view.h engine/dict_tx.h
engine/codec.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
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
engine/view.h:
engine/dict_tx.h:
