--- LuaSocket's streams in tasks that wait: what LuaSocket documents. Both ends of each connection are tasks of
-- one worker: if one kept it the other could not go on.

local helper = require "tests.e2e.helper"
local jobs = require "tests.e2e.socket_jobs"

local run, HEAD = jobs.run, jobs.HEAD

describe("receive in a task", function()
  after_each(helper.cleanup)

  it("puts together what comes in pieces, by each pattern", function()
    run([[
      local function write(s, text)
        for c in text:gmatch "." do assert(s:send(c)) let_others() end
      end
      together(function()
        local s = assert(listen():accept())
        write(s, "one\r\nt\rwo\nthreefour56789the rest")
        s:close()
      end, function()
        local s = dial()
        equal(s:receive(), "one")
        equal(s:receive("*l", ">"), ">two")
        equal(s:receive(5), "three")
        equal(s:receive("4"), "four")
        equal(s:receive(6, "x"), "x56789")
        equal(s:receive(2, "longer"), "longer")
        equal(s:receive(0), "")
        equal(s:receive("*a", "all: "), "all: the rest")
        local all, problem, part = s:receive("*a", "again")
        equal(all, nil) equal(problem, "closed") equal(part, "again")
        equal(pcall(s.receive, s, "*x"), false)
        s:close()
        equal(select(2, s:receive()), "closed")
      end)
    ]], 2)
  end)

  it("gives what has come when its time is over, and when the other end closes", function()
    run([[
      local done
      together(function()
        local s = assert(listen():accept())
        assert(s:send "line")
        while not done do prunner.sleep(0.001) end
        assert(s:send " more")
        s:close()
      end, function()
        local s = dial()
        equal(s:settimeout(0.05), 1)
        local line, problem, part = s:receive("*l", "a ")
        equal(line, nil) equal(problem, "timeout") equal(part, "a line")
        line, problem, part = s:receive(10)
        equal(line, nil) equal(problem, "timeout") equal(part, "")
        s:settimeout(0)
        line, problem, part = s:receive(3)
        equal(line, nil) equal(problem, "timeout") equal(part, "")
        s:settimeout(nil)
        s:settimeout(0.05, "t")
        line, problem, part = s:receive "*a"
        equal(line, nil) equal(problem, "timeout") equal(part, "")
        done = true
        s:settimeout(-1, "t")
        line, problem, part = s:receive "*l"
        equal(line, nil) equal(problem, "closed") equal(part, " more")
      end)
    ]], 2)
  end)

  it("says its timeouts, and refuses others", function()
    run([[
      together(function()
        for _, s in ipairs { socket.tcp(), socket.udp(), dial() } do
          equal(table.concat({ s:gettimeout() }, " "), "-1 -1")
          equal(s:settimeout(2), 1)
          equal(s:settimeout("3", "total"), 1)
          equal(table.concat({ s:gettimeout() }, " "), "2 3")
          equal(pcall(s.settimeout, s, {}), false)
          equal(pcall(s.settimeout, s, 1, "x"), false)
          equal(pcall(s.settimeout, s, "soon"), false)
          equal(pcall(s.settimeout, {}, 1), false)
          equal(table.concat({ s:gettimeout() }, " "), "2 3")
          s:settimeout()
          s:settimeout(nil, "t")
          equal(table.concat({ s:gettimeout() }, " "), "-1 -1")
        end
      end)
    ]], 1)
  end)

  it("copies what it has got once, however many pieces there were", function()
    run([[
      local SIZE, PIECE = 4 * 1024 * 1024, 16 * 1024
      local read = 0
      together(function()
        local s = assert(listen():accept())
        for i = 1, SIZE / PIECE do assert(s:send(("x"):rep(PIECE))) let_others() end
        s:close()
      end, function()
        local s = dial()
        collectgarbage() collectgarbage "stop"
        local before = collectgarbage "count"
        equal(#s:receive "*a", SIZE)
        local kilobytes = collectgarbage "count" - before
        -- 256 pieces passed on as a prefix would be 512 MiB.
        assert(kilobytes < 10 * SIZE / 1024, kilobytes .. " KiB")
        collectgarbage "restart"
      end)
    ]], 2)
  end)
end)

describe("send in a task", function()
  after_each(helper.cleanup)

  it("waits for a reader that is slow, and sends what it was told to", function()
    run([[
      local SIZE = 8 * 1024 * 1024
      together(function()
        local s = assert(listen():accept())
        let_others()
        equal(s:receive(3), "bcd")
        local got, n = {}, 0
        while n < SIZE do
          got[#got + 1] = assert(s:receive(math.min(100000, SIZE - n)))
          n = n + #got[#got]
          let_others()
        end
        equal(table.concat(got), ("0123456789abcdef"):rep(SIZE / 16))
        equal(s:receive "*a", "e")
      end, function()
        local s = dial()
        equal(s:send("abcde", 2, 4), 4)
        equal(s:send(("0123456789abcdef"):rep(SIZE / 16)), SIZE)
        equal(s:send("abcde", -1), 5)
        equal(s:send(""), 0)
        s:close()
        equal(select(2, s:send "x"), "closed")
      end)
    ]], 2)
  end)

  it("says how much was sent when its time is over", function()
    run([[
      local done
      together(function()
        local s = assert(listen():accept())
        while not done do prunner.sleep(0.001) end
        equal(#s:receive "*a", done)
      end, function()
        local s = dial()
        s:settimeout(0.05)
        local ok, problem, sent = s:send(("x"):rep(64 * 1024 * 1024), 11)
        equal(ok, nil) equal(problem, "timeout")
        assert(sent > 10 and sent < 64 * 1024 * 1024, sent)
        done = sent - 10
        s:close()
      end)
    ]], 2)
  end)
end)

describe("a connection of a task", function()
  after_each(helper.cleanup)

  it("wakes who waits for it when another task closes it", function()
    run([[
      local s
      together(function()
        s = dial()
        local line, problem = s:receive()
        equal(line, nil) equal(problem, "closed")
      end, function()
        while not s do prunner.sleep(0) end
        let_others()
        s:close()
        local a = listen()
        a:settimeout(0)
        assert(a:accept())
      end, function()
        local waiting
        local l = socket.bind("127.0.0.1", 0)
        local client, problem
        coroutine.wrap(function() waiting = true end)()
        l:settimeout(0.05)
        client, problem = l:accept()
        equal(client, nil) equal(problem, "timeout") equal(waiting, true)
      end)
    ]], 3)
  end)

  it("is one task's: another that reads it gets an error", function()
    run([[
      local s
      together(function()
        s = dial()
        equal(s:receive(), "for the first")
      end, function()
        while not s do prunner.sleep(0) end
        let_others()
        local ok, problem = pcall(s.receive, s)
        equal(ok, false)
        assert(problem:find "is being read by task #%d+: each task needs a connection of its own", problem)
        local other = listen():accept()
        other:send "for the first\n"
      end)
    ]], 2)
  end)

  it("is not inherited by programs that it starts", function()
    run([[
      local unix = require "socket.unix"
      together(function()
        local l = listen()
        local a, b = dial(), assert(l:accept())
        local path = os.tmpname()
        os.remove(path)
        local u = assert(unix.stream())
        local udp, udp6, tcp4 = socket.udp(), socket.udp6(), socket.tcp4()
        udp:setsockname("127.0.0.1", 0)
        local sent = socket.udp()
        sent:sendto("x", "127.0.0.1", 9)
        local pipe = io.popen "ls -l /proc/self/fd"
        local list = pipe:read "*a"
        pipe:close()
        assert(not list:find "socket:", list)
        assert(a and b and u and udp6 and tcp4 and path)
      end)
    ]], 1)
  end)

  it("may be tried again, at another address and of another family", function()
    run([[
      together(function()
        listen()
        local unused = socket.bind("127.0.0.1", 0)
        local number = select(2, unused:getsockname())
        unused:close()
        local s = socket.tcp()
        equal(select("#", s:connect("host.is.invalid", port)), 2)
        equal(s.class, "tcp{client}")
        equal(select(2, s:send "x"), "closed")
        equal(s:connect("::1", number), nil)
        equal(select(2, s:connect("127.0.0.1", number)), "connection refused")
        equal(select(2, s:receive()), "closed")
        equal(s:connect("*", port), 1)
        equal(s:getpeername(), "127.0.0.1") equal(s:getfamily(), "inet4")
        local client = assert(listener:accept())
        client:send "hello\n"
        equal(s:receive(), "hello")
        equal(select(2, s:connect("127.0.0.1", port)) ~= "Address family for hostname not supported", true)
        s:close()
        equal(s:connect("127.0.0.1", port), 1) -- the same object, again
        equal(s:getpeername(), "127.0.0.1")
        s:close()
        s:settimeout(0)
        equal(select(2, s:connect("127.0.0.1", port)), "timeout")
        equal(#select(2, socket.select(nil, { s }, 5)), 1)
        equal(s:connect("127.0.0.1", port) or "already connected", 1)
        equal(s:getpeername(), "127.0.0.1")
      end)
    ]], 1)
  end)

  it("is tried at each address of a name", function()
    local dir = helper.tmpdir()
    local hosts = helper.write(dir .. "/hosts", "::1 localhost both\n127.0.0.1 localhost both\n")
    local user = helper.run({ "id", "-u" }).out == "0\n" and "" or "-r "
    local script = helper.script(HEAD .. [[
      together(function()
        local list = socket.dns.getaddrinfo "both"
        equal(list[1].addr, "::1") equal(list[2].addr, "127.0.0.1")
        listen()
        for _, how in ipairs { "connect", "tcp", "again", "tcp6", "none" } do
          local s, problem
          if how == "connect" then
            s, problem = socket.connect("both", port)
          elseif how == "tcp6" then
            s = socket.tcp6()
            equal(s:connect("both", port), nil)
            s = nil
          elseif how == "none" then
            local unused = socket.bind("127.0.0.1", 0)
            local number = select(2, unused:getsockname())
            unused:close()
            s = socket.tcp()
            local ok
            ok, problem = s:connect("both", number)
            equal(ok, nil) equal(problem, "connection refused")
            equal(s:connect("both", port), 1) -- the same socket, again
          else
            s = socket.tcp()
            s:settimeout(5)
            equal(s:connect("both", port), 1)
          end
          if s then
            local client = assert(listener:accept())
            equal(s:getpeername(), "127.0.0.1")
            equal(select(3, s:getpeername()), "inet") equal(s:getfamily(), "inet4")
            client:send "hello\n"
            equal(s:receive(), "hello")
            s:close()
          end
        end
      end)
    ]])
    local enter = ("unshare %s-m sh -c 'mount --bind \"$0\" /etc/hosts && exec \"$@\"' "):format(user)
    if helper.run(enter .. helper.quote(hosts) .. " true").status ~= 0 then
      return pending "no mount namespaces here: localhost as ::1 first is not tried"
    end
    helper.expect(helper.run(enter .. table.concat({
      helper.quote(hosts), helper.command, helper.quote(script), "-n 1 -c 50" }, " ")), 0, "1\n")
  end)
end)
