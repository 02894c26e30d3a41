build/shared_counter/obj/engine/codec_renumber.o: engine/codec_renumber.c \
 engine/codec_priv.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/codec.h
engine/codec_priv.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/codec.h:
