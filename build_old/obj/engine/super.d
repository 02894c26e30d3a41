build/obj/engine/super.o: engine/super.c engine/super.h \
 /usr/include/luajit-2.1/lua.h /usr/include/luajit-2.1/luaconf.h \
 engine/blame.h engine/cpus.h engine/crew.h engine/arena.h \
 engine/atomics.h engine/ctl.h engine/deadletter.h engine/engine.h \
 engine/actor.h engine/acc.h engine/slot.h engine/slab.h engine/codec.h \
 engine/config.h engine/figures.h engine/watch.h engine/gate.h \
 engine/guard.h engine/halt.h engine/idle.h engine/inspect.h engine/log.h \
 engine/memlimit.h engine/observe.h engine/output.h engine/printer.h \
 engine/queue.h engine/recover.h engine/report.h engine/resume.h \
 engine/screen.h engine/task.h engine/worker.h
engine/super.h:
/usr/include/luajit-2.1/lua.h:
/usr/include/luajit-2.1/luaconf.h:
engine/blame.h:
engine/cpus.h:
engine/crew.h:
engine/arena.h:
engine/atomics.h:
engine/ctl.h:
engine/deadletter.h:
engine/engine.h:
engine/actor.h:
engine/acc.h:
engine/slot.h:
engine/slab.h:
engine/codec.h:
engine/config.h:
engine/figures.h:
engine/watch.h:
engine/gate.h:
engine/guard.h:
engine/halt.h:
engine/idle.h:
engine/inspect.h:
engine/log.h:
engine/memlimit.h:
engine/observe.h:
engine/output.h:
engine/printer.h:
engine/queue.h:
engine/recover.h:
engine/report.h:
engine/resume.h:
engine/screen.h:
engine/task.h:
engine/worker.h:
