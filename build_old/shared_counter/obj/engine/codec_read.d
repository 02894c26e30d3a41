build/shared_counter/obj/engine/codec_read.o: engine/codec_read.c \
 engine/codec_priv.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/codec.h
engine/codec_priv.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/codec.h:
