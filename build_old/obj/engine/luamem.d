build/obj/engine/luamem.o: engine/luamem.c engine/luamem.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h
engine/luamem.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
