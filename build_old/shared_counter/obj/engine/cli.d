build/shared_counter/obj/engine/cli.o: engine/cli.c engine/cli.h \
 engine/config.h /usr/include/luajit-2.1/luajit.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/completion.h engine/help.h engine/options.h
engine/cli.h:
engine/config.h:
/usr/include/luajit-2.1/luajit.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/completion.h:
engine/help.h:
engine/options.h:
