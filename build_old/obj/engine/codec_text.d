build/obj/engine/codec_text.o: engine/codec_text.c engine/codec_priv.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/codec.h engine/utf8.h
engine/codec_priv.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/codec.h:
engine/utf8.h:
