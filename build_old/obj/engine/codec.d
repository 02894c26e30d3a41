build/obj/engine/codec.o: engine/codec.c engine/codec_priv.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/codec.h /usr/include/luajit-2.1/lauxlib.h \
 /usr/include/luajit-2.1/lua.h
engine/codec_priv.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/codec.h:
/usr/include/luajit-2.1/lauxlib.h:
/usr/include/luajit-2.1/lua.h:
