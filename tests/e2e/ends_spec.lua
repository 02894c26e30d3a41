--- The end of the process that ran the script: Lua's state is closed as luajit does it. And processes
-- that the script forks, and that come back into it.

local helper = require "tests.e2e.helper"

local PIPE = [[
local prunner = require "prunner"
local ffi = require "ffi"
keep = ffi.gc(ffi.new "char[1]", function()
  prunner.dict.last = { 7 }
  io.stderr:write("finalizer ", prunner.dict.last[1], "\n")
end)
failing = newproxy(true)
getmetatable(failing).__gc = function() error "of a finalizer" end
function end_()
  out = io.popen("sleep 0.2; sort", "w")
  out:write("b\na\n")
end
]]

describe("the end of a job", function()
  after_each(helper.cleanup)

  it("runs finalizers and waits for pipes, as luajit does", function()
    local result = helper.expect(helper.prunner(helper.script(PIPE .. "function begin() end")), 0, "a\nb\n")
    assert.are.equal("finalizer 7\n", result.err)
    result = helper.expect(helper.luajit(helper.script(PIPE .. "prunner.start() end_()")), 0, "a\nb\n")
    assert.are.equal("finalizer 7\n", result.err)
  end)

  it("does so when end_ failed, and under luajit when that ends the process", function()
    local fails = PIPE .. "local write = end_ function end_() write() error 'no' end "
    local result = helper.prunner(helper.script(fails .. "function begin() end"))
    helper.expect(result, 1, "a\nb\n")
    helper.has("finalizer 7", result.err)
    result = helper.luajit(helper.script(fails .. "prunner.init(1, false, function() end, end_) prunner.start()"))
    helper.expect(result, 1, "a\nb\n")
    helper.has("finalizer 7", result.err)
  end)

  it("does so as the first process of a container, too", function()
    local result = helper.run { "unshare", "-pf", "--mount-proc", helper.command, helper.script(
      PIPE .. "function begin() end") }
    if result.err:find "unshare" then return pending "this machine has no unshare -p" end
    helper.expect(result, 0, "a\nb\n")
  end)
end)

describe("a process that a task forks", function()
  after_each(helper.cleanup)

  it("may print", function()
    local result = helper.expect(helper.prunner("-n", 1, helper.script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int fork(void); int waitpid(int, int *, int); void _exit(int);"
      function begin() prunner.post_task(t) end
      function t()
        local pid, status = ffi.C.fork(), ffi.new "int[1]"
        if pid == 0 then
          print "child"
          io.stdout:flush()
          io.stderr:write "child's error\n"
          ffi.C._exit(0)
        end
        ffi.C.waitpid(pid, status, 0)
        print(status[0])
      end
    ]]), 0, "child\n0\n")
    helper.has("child's error\n", result.err)
  end)
end)

describe("a process that a script forks", function()
  after_each(helper.cleanup)

  local FORK = [[
    local ffi = require "ffi"
    ffi.cdef "int fork(void); int waitpid(int, int *, int);"
    local status = ffi.new "int[1]"
    local function child()
      local pid = ffi.C.fork()
      if pid > 0 then ffi.C.waitpid(pid, status, 0) end
      return pid == 0
    end
  ]]

  it("and that comes back from begin() is ended, with a message, and harms nothing", function()
    local result = helper.job(FORK .. [[
      local n = prunner.counter "n"
      function work(i) n:add(i) end
      function begin()
        for i = 1, 100 do prunner.post_task(work, i) end
        if not child() then prunner.post_task(work, 1000) end
      end
      function end_() print(n:get()) end
    ]], 0, "6050\n")
    helper.has("begin() was left by a process that it had forked", result.err)
  end)

  it("and that posts in begin() is refused", function()
    local result = helper.job(FORK .. [[
      function work() print "ran" end
      function begin() child() prunner.post_task(work) end
    ]], 0, "ran\n")
    helper.has("post_task: tasks are posted by begin() and by tasks, not now", result.err)
  end)

  it("and that comes back from end_ ends there", function()
    local result = helper.job(FORK .. "function begin() end function end_() child() end", 0, "")
    helper.has("the script was left by a process that it had forked", result.err)
  end)

  it("while the script loads may take its place", function()
    helper.job(FORK .. [[
      ffi.cdef "void _exit(int);"
      local pid = ffi.C.fork()
      if pid > 0 then
        ffi.C.waitpid(pid, status, 0)
        ffi.C._exit(status[0] / 256)
      end
      function begin() prunner.post_task(print, "daemon") end
    ]], 0, "daemon\n")
  end)
end)
