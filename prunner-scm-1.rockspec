rockspec_format = "3.0"
package = "prunner"
version = "scm-1"

-- Built from the checkout this file lies in: `luarocks make --lua-version 5.1`.
source = {
  url = "git+file://.",
}

description = {
  summary = "Jobs of plain Lua functions on many processes that may die",
  detailed = [[
    A task engine for LuaJIT: begin, post_task, end_, a shared dict and locks;
    every posted task is done exactly once, also when workers are killed.

    Needs Linux and LuaJIT 2.1 with its headers and pkg-config (Debian 12:
    luajit libluajit-5.1-dev pkg-config); plain Lua 5.1 does not run it.
    Reports and logs in JSON want lua-cjson (Debian: lua-cjson, which is no
    rock, and so is not named as a dependency). Scripts that declare options of
    their own want argparse: `luarocks install argparse`, Debian: lua-argparse.
  ]],
  license = "MIT",
  labels = { "parallel", "luajit", "linux" },
}

supported_platforms = { "linux" }

dependencies = {
  "lua == 5.1",
}

build = {
  type = "make",
  build_variables = {
    BUILD = "build/rock",
    CFLAGS = "$(CFLAGS)",
  },
  install_target = "install-rock",
  install_variables = {
    BUILD = "build/rock",
    CFLAGS = "$(CFLAGS)",
    ROCK_BINDIR = "$(BINDIR)",
    ROCK_LIBDIR = "$(LIBDIR)",
    ROCK_LUADIR = "$(LUADIR)",
  },
}
