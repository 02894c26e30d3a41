build/obj/engine/codec_problem.o: engine/codec_problem.c \
 engine/codec_priv.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h engine/codec.h
engine/codec_priv.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/codec.h:
