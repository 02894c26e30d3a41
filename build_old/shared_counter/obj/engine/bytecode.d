build/shared_counter/obj/engine/bytecode.o: engine/bytecode.c \
 engine/bytecode.h /usr/include/luajit-2.1/lua.h \
 /usr/include/luajit-2.1/luaconf.h /usr/include/luajit-2.1/lauxlib.h \
 /usr/include/luajit-2.1/lua.h build/shared_counter/obj/bytecode.inc
engine/bytecode.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
/usr/include/luajit-2.1/lauxlib.h:
/usr/include/luajit-2.1/lua.h:
build/shared_counter/obj/bytecode.inc:
