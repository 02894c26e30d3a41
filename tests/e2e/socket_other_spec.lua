--- LuaSocket's other classes and functions in tasks that wait, as socket_stream_spec.lua; and what is left alone.

local helper = require "tests.e2e.helper"
local jobs = require "tests.e2e.socket_jobs"

local run = jobs.run

describe("datagrams in tasks", function()
  after_each(helper.cleanup)

  it("by udp: send, receive, sendto, receivefrom", function()
    run([[
      local at
      together(function()
        local s = socket.udp()
        assert(s:setsockname("127.0.0.1", 0))
        at = select(2, s:getsockname())
        local text, address, from = s:receivefrom()
        equal(text, "hello") equal(address, "127.0.0.1")
        equal(s:sendto("back", address, from), 4)
        equal(s:receive(), "connected")
        equal(s:receive(3), "cut")
        s:settimeout(0.02)
        equal(select("#", s:receive()), 2)
        equal(select(2, s:receivefrom()), "timeout")
      end, function()
        while not at do prunner.sleep(0) end
        let_others()
        local s = socket.udp()
        equal(s:sendto("hello", "127.0.0.1", at), 5)
        equal(select("#", s:receive()), 1)
        equal(s:setpeername("localhost", at), 1)
        equal(s:getpeername(), "127.0.0.1")
        equal(s:send "connected", 9)
        let_others()
        equal(s:send "cut off", 7)
        equal(s:setpeername "*", 1)
      end)
    ]], 2)
  end)

  it("and by unix sockets, also where the queue is full", function()
    run([[
      local unix = require "socket.unix"
      local path, ready = os.tmpname(), false
      os.remove(path)
      together(function()
        local s = assert(unix.dgram())
        assert(s:bind(path))
        ready = true
        for i = 1, 3 do let_others() end
        for i = 1, 400 do equal(s:receivefrom(), "d" .. i) end
        os.remove(path)
      end, function()
        while not ready do prunner.sleep(0) end
        local s = assert(unix.dgram())
        for i = 1, 200 do equal(s:sendto("d" .. i, path), #("d" .. i)) end
        assert(s:connect(path))
        for i = 201, 400 do equal(s:send("d" .. i), #("d" .. i)) end
      end)
    ]], 2)
  end)
end)

describe("unix streams in tasks", function()
  after_each(helper.cleanup)

  it("wait for a place in the backlog", function()
    run([[
      local unix = require "socket.unix"
      local path, ready = os.tmpname(), false
      os.remove(path)
      local list = { function()
        local l = assert(unix.stream())
        assert(l:bind(path))
        assert(l:listen(1))
        ready = true
        let_others()
        for i = 1, 20 do
          local s = assert(l:accept())
          assert(s:send(assert(s:receive()) .. " back\n"))
          s:close()
        end
        os.remove(path)
      end }
      for i = 1, 20 do
        list[#list + 1] = function()
          while not ready do prunner.sleep(0) end
          local s = assert(unix())
          assert(s:connect(path))
          assert(s:send(i .. "\n"))
          equal(s:receive(), i .. " back")
          s:close()
        end
      end
      together(unpack(list))
    ]], 21)
  end)
end)

describe("socket.select in a task", function()
  after_each(helper.cleanup)

  it("waits for any number of sockets, whatever their descriptors", function()
    run([[
      local N = 1100
      together(function()
        listen()
        local clients, servers = {}, {}
        for i = 1, N do
          clients[i] = dial()
          servers[i] = assert(listener:accept())
        end
        assert(clients[N]:getfd() > 1024)
        local r, w, problem = socket.select(servers, nil, 0)
        equal(#r, 0) equal(#w, 0) equal(problem, "timeout")
        clients[N]:send "a line\nand more\n"
        r, w, problem = socket.select(servers, { servers[3] })
        equal(#r + #w >= 1, true) equal(problem, nil)
        r, w = socket.select(servers, nil)
        equal(#r, 1) equal(r[1], servers[N]) equal(r[servers[N] ], 1)
        equal(servers[N]:receive(), "a line") -- the rest lies in LuaSocket's buffer
        r = socket.select({ servers[1], servers[N] }, nil)
        equal(#r, 1) equal(r[1], servers[N])
        equal(servers[N]:receive(), "and more")
        r, w, problem = socket.select({ servers[1], {}, { getfd = function() return -1 end } }, {}, 0.01)
        equal(problem, "timeout")
        equal(select(3, socket.select(nil, nil, 0.01)), "timeout")
        equal(pcall(socket.select, 1), false)
        equal(pcall(socket.select, nil, nil, "x"), false)
      end)
    ]], 1)
  end)

  it("names all that are ready, in the order of the lists: none waits for ever", function()
    run([[
      together(function()
        listen()
        local clients, servers = {}, {}
        for i = 1, 3 do
          clients[i] = dial()
          servers[i] = assert(listener:accept())
        end
        clients[3]:send "c\n"
        clients[1]:send "a\n"
        socket.sleep(0.01)
        local r, w = socket.select(servers, { clients[2], servers[1], clients[1] }, 5)
        equal(#r, 2) equal(r[1], servers[1]) equal(r[2], servers[3]) equal(r[servers[3] ], 2)
        equal(#w, 3) equal(w[1], clients[2]) equal(w[2], servers[1]) equal(w[3], clients[1])
        clients[1]:send "more\n"
        equal(servers[1]:receive(), "a")
        r, w = socket.select(servers, clients, 0)
        equal(#r, 2) equal(#w, 3)
      end)
    ]], 1)
  end)

  it("lets others go on", function()
    run([[
      local s
      together(function()
        s = dial()
        local r = socket.select({ s }, nil)
        equal(r[1], s) equal(s:receive(), "x")
      end, function()
        while not s do prunner.sleep(0) end
        let_others()
        listen():accept():send "x\n"
      end, function()
        socket.sleep(0.001)
        equal(pcall(socket.sleep), false)
      end)
    ]], 3)
  end)
end)

describe("a serial line in a task", function()
  after_each(helper.cleanup)

  it("lets others go on", function()
    run([[
      local ffi = require "ffi"
      ffi.cdef "int posix_openpt(int); int grantpt(int); int unlockpt(int); char *ptsname(int);"
      ffi.cdef "ssize_t write(int, const void *, size_t);"
      local serial = require "socket.serial"
      local master, line
      together(function()
        equal(select("#", serial "/nonexistent"), 3)
        master = ffi.C.posix_openpt(2)
        assert(ffi.C.grantpt(master) == 0 and ffi.C.unlockpt(master) == 0)
        line = assert(serial(ffi.string(ffi.C.ptsname(master))))
        equal(line.class, "serial{client}")
        equal(line:receive(), "hello")
        line:settimeout(0.01)
        local data, problem, part = line:receive(5)
        equal(data, nil) equal(problem, "timeout") equal(part, "")
        equal(line:send "out\n", 4)
        equal(line:close(), 1)
        equal(select(2, line:receive()), "closed")
      end, function()
        while not line do prunner.sleep(0) end
        let_others()
        ffi.C.write(master, "hello\n", 6)
      end)
    ]], 2)
  end)
end)

describe("LuaSocket's exceptions in a task", function()
  after_each(helper.cleanup)

  it("are those that it documents", function()
    run([[
      together(function()
        local finalized = 0
        local try = socket.newtry(function() finalized = finalized + 1 end)
        local guarded = socket.protect(function(...)
          prunner.sleep(0)
          return try(...)
        end)
        equal(table.concat({ guarded(1, 2, 3) }, " "), "1 2 3") equal(finalized, 0)
        local ok, problem = guarded(nil, "no")
        equal(ok, nil) equal(problem, "no") equal(finalized, 1)
        ok, problem = guarded(false)
        equal(ok, nil) equal(problem, nil) equal(finalized, 2)
        local value = setmetatable({}, {})
        ok, problem = pcall(socket.protect(function() error(value) end))
        equal(ok, false) equal(problem, value)
        ok, problem = pcall(socket.protect(error), "text", 0)
        equal(ok, false) equal(problem, "text")
        ok, problem = pcall(socket.try, nil, "inside")
        equal(ok, false) equal(getmetatable(problem), false) equal(problem[1], "inside")
        equal(select("#", socket.protect(function() return nil, nil, nil end)()), 3)
      end)
    ]], 1)
  end)
end)

describe("without the patch", function()
  after_each(helper.cleanup)

  local LEFT = [[
    local prunner = require "prunner"
    %s
    local socket = require "socket"
    function begin() print(debug.getinfo(socket.protect).what) end
  ]]

  local function expect(line, what, ...)
    helper.expect(helper.prunner(helper.script(LEFT:format(line)), "-n", 1, "--quiet", ...), 0, what .. "\n")
  end

  it("LuaSocket is left as it is", function()
    expect("", "Lua", "-c", 2)
    expect("", "C")
    expect("prunner.socket_patch(false)", "C", "-c", 2)
    expect("prunner.socket_patch(false) prunner.socket_patch(true)", "Lua", "-c", 2)
    expect("", "C", "-c", 2, { env = { PRUNNER_NO_PATCH = 1 } })
  end)

  it("cannot be asked for too late", function()
    expect([[
      require "socket"
      local ok, problem = pcall(prunner.socket_patch, false)
      assert(problem:find 'socket_patch: LuaSocket is loaded already: call it before require "socket"', problem)
      assert(not pcall(prunner.socket_patch))
      prunner.socket_patch(true)
    ]], "Lua", "-c", 2)
  end)
end)
