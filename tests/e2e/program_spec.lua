--- Programs that tasks start: prunner.sh, prunner.execute, prunner.popen, prunner.quote.
-- Longer than 500 lines: every way to start a program is held against every way to end one.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local prelude = [[
  local prunner = require "prunner"
  local function show(...)
    local words = {}
    for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
    print(table.concat(words, " "))
  end
  local function fails(...)
    local ok, message = pcall(...)
    print(ok, (tostring(message):gsub("^%S+:%d+: ", "")))
  end
]]

local function in_task(body)
  return prelude .. "function begin() prunner.post_task(work) end\nfunction work()\n" .. body .. "\nend"
end

--- Runs `body` in a task: of a worker that waits for it, and of one that goes on; in the supervisor's own
-- process; in begin(); and under plain luajit. All do the same.
local function everywhere(body, out)
  local runs = {
    { helper.prunner, in_task(body), "-q", "-n", 1 },
    { helper.prunner, in_task(body), "-q", "-n", 1, "-c", 20 },
    { helper.prunner, in_task(body), "-q", "--serial" },
    { helper.prunner, prelude .. "function begin()\n" .. body .. "\nend", "-q", "-n", 1 },
    { helper.luajit, prelude .. body },
  }
  for i, run in ipairs(runs) do
    local result = run[1](script(run[2]), unpack(run, 3))
    assert.are.same({ i, out, 0 }, { i, result.out, result.status })
  end
end

-- As many as tests need of what keeps both ends waiting for each other.
local function fifo()
  local path = helper.tmpdir() .. "/fifo"
  assert(os.execute("mkfifo " .. helper.quote(path)) == 0)
  return path
end

local function nothing_left(run)
  assert.is_true(helper.wait_until(function() return #helper.survivors(run) == 0 end))
end

describe("prunner.sh", function()
  after_each(helper.cleanup)

  it("returns what the program has printed", function()
    everywhere([[
      show(#prunner.sh "", prunner.sh "echo a; echo b")
      show(#prunner.sh "head -c 300000 /dev/zero", prunner.sh "printf 'no end of line'")
      show(prunner.sh [=[printf '\000\377x']=] == "\0\255x")
      show((pcall(prunner.sh, "-x"))) -- a command, no option
    ]], "0 a\nb\n\n300000 no end of line\ntrue\nfalse\n")
  end)

  it("hands the program's standard error on, much of it too", function()
    for _, c in ipairs { 1, 4 } do
      local result = expect(helper.prunner(script(in_task [[
        show(prunner.sh "echo one >&2; head -c 200000 /dev/zero | tr '\\0' x >&2; echo >&2; echo out")
      ]]), "-q", "-n", 1, "-c", c), 0, "out\n\n")
      has("one\n", result.err)
      assert.are.equal(200000, helper.count("x", result.err))
    end
  end)

  it("raises when the program fails: its name, its status, its last words", function()
    everywhere([[
      fails(prunner.sh, "exit 3")
      fails(prunner.sh, "echo why >&2; exit 4")
      fails(prunner.sh, "seq 7 >&2; exit 255")
      fails(prunner.sh, "kill -KILL $$")
      fails(prunner.sh, ("#"):rep(300) .. "\nexit 1")
    ]], "false\tsh: `exit 3` ended with status 3\n"
      .. "false\tsh: `echo why >&2; exit 4` ended with status 4: why\n"
      .. "false\tsh: `seq 7 >&2; exit 255` ended with status 255:\n3\n4\n5\n6\n7\n"
      .. "false\tsh: `kill -KILL $$` was ended by SIGKILL\n"
      .. "false\tsh: `" .. ("#"):rep(200) .. "...` ended with status 1\n")
  end)

  it("raises where it was called", function()
    everywhere([[
      local function line(fn, ...) print((select(2, pcall(fn, ...)):match ":(%d+): ") ) end
      local here = debug.getinfo(1, "l").currentline
      local function at(fn) print(tonumber(select(2, pcall(fn)):match ":(%d+): ") - here) end
      at(function() prunner.sh "exit 1" end)
      at(function() prunner.sh(nil) end)
      at(function() prunner.execute(nil) end)
      at(function() prunner.quote(nil) end)
      at(function() prunner.popen("true", "rw") end)
      local f = prunner.popen "true"
      at(function() f:read "*q" end)
      at(function() f:lines "*q" () end)
      f:close()
      at(function() f:read() end)
      at(function() f:close() end)
      local g = prunner.popen("cat", "w")
      at(function() g:write({}) end)
      g:close()
    ]], "2\n3\n4\n5\n6\n8\n9\n11\n12\n14\n")
  end)

  it("refuses what is no command line", function()
    everywhere([[
      fails(prunner.sh) fails(prunner.sh, 5) fails(prunner.sh, "a\0b") fails(prunner.sh, "true", 1)
      fails(prunner.execute, {}) fails(prunner.execute, "a\0b") fails(prunner.execute, "true", 1)
      fails(prunner.popen, nil) fails(prunner.popen, "true", "x") fails(prunner.popen, "true", "r", 1)
    ]], "false\tsh: a command line is needed, got nil\nfalse\tsh: a command line is needed, got number\n"
      .. "false\tsh: a command line cannot have a byte 0\nfalse\tsh: one command line at a time\n"
      .. "false\texecute: a command line is needed, got table\n"
      .. "false\texecute: a command line cannot have a byte 0\nfalse\texecute: one command line at a time\n"
      .. "false\tpopen: a command line is needed, got nil\n"
      .. 'false\tpopen: the mode must be "r" or "w", got x\n'
      .. "false\tpopen: a command line and a mode, no more\n")
  end)

  it("waits for the end of its output, also of what it leaves in the background", function()
    everywhere([[
      local path = os.tmpname()
      os.remove(path)
      os.execute("mkfifo " .. path)
      show(prunner.sh("(cat " .. path .. ") & echo first; echo second > " .. path))
      os.remove(path)
    ]], "first\nsecond\n\n")
  end)

  it("lets its worker run other tasks meanwhile, which are needed for its end", function()
    local path = fifo()
    for _, how in ipairs {
      { "print((prunner.sh('cat %s')))", "prunner.sh('echo sh > %s')" },
      { "print((prunner.popen('cat %s'):read '*a'))",
        "local f = prunner.popen('cat > %s', 'w') f:write 'sh\\n' f:close()" },
      { "prunner.execute('cat %s; echo')", "prunner.execute('echo sh > %s')" },
    } do
      for _, first in ipairs { 1, 2 } do
        expect(helper.prunner(script(prelude .. ([[
          function begin() prunner.post_task(%s) prunner.post_task(%s) end
          function one() %s end
          function two() %s end
        ]]):format(first == 1 and "one" or "two", first == 1 and "two" or "one", how[1]:format(path),
          how[2]:format(path))), "-q", "-n", 1, "-c", 2), 0, "sh\n\n")
      end
    end
  end)

  it("tells its status to those who are told of the failure", function()
    for _, c in ipairs { 1, 3 } do
      local dir = helper.tmpdir()
      local result = helper.prunner(script(prelude .. [[
        function begin()
          for _, command in ipairs { "exit 3", "kill -TERM $$", "caught", "wrapped" } do
            prunner.post_task(work, command)
          end
        end
        function work(command)
          if command == "caught" then pcall(prunner.sh, "exit 4") error "other" end
          if command == "wrapped" then
            local _, message = pcall(prunner.sh, "exit 5")
            error("step 1: " .. message)
          end
          prunner.sh(command)
        end
        function on_error(task, err) print(err:match "[%w$-]+%W?$" and "", task.exit, task.signal) end
      ]]), "-q", "-n", 1, "-c", c, "--joblog", dir .. "/log", "--failures", dir .. "/failures")
      assert.are.equal(1, result.status)
      local told, logged, letters = {}, {}, {}
      for line in result.out:gmatch "[^\n]+" do told[#told + 1] = line:match "\t(.*)" end
      for line in (helper.read(dir .. "/log")):gmatch "[^\n]+" do
        local exit, signal = line:match "^%d+\t:\t[^\t]*\t[^\t]*\t0\t0\t(%d+)\t(%d+)\t"
        logged[#logged + 1] = exit and exit .. " " .. signal
      end
      for line in (helper.read(dir .. "/failures")):gmatch "[^\n]+" do
        letters[#letters + 1] = tostring(line:match '"exit":(%d+)') .. " " .. tostring(line:match '"signal":"(%w+)"')
      end
      for _, list in ipairs { told, logged, letters } do table.sort(list) end
      assert.are.same({ "3\tnil", "5\tnil", "nil\tSIGTERM", "nil\tnil" }, told)
      assert.are.same({ "0 15", "1 0", "3 0", "5 0" }, logged)
      assert.are.same({ "3 nil", "5 nil", "nil SIGTERM", "nil nil" }, letters)
    end
  end)
end)

describe("prunner.execute", function()
  after_each(helper.cleanup)

  it("returns what os.execute of later Luas does", function()
    everywhere([[
      show(prunner.execute "true") show(prunner.execute "exit 3") show(prunner.execute "kill -9 $$")
      show(prunner.execute "/does/not/exist 2>/dev/null")
    ]], "true exit 0\nnil exit 3\nnil signal 9\nnil exit 127\n")
  end)

  it("prints where the task prints, in the order of both", function()
    everywhere([[
      print "one" prunner.execute "echo two" print "three" prunner.execute "echo four"
    ]], "one\ntwo\nthree\nfour\n")
    expect(helper.prunner(script(in_task [[
      print "one" prunner.execute "echo two; echo err >&2" print "three"
    ]]), "-q", "-n", 2, "--group"), 0, "one\ntwo\nthree\n")
  end)

  it("gives the program signals as they were, and none of our descriptors", function()
    everywhere([[
      local function of_signals(text) return text:match "SigBlk:%s*(%x+)", text:match "SigCgt:%s*(%x+)" end
      show(of_signals(prunner.sh "cat /proc/self/status"))
      show(prunner.sh [=[ls /proc/self/fd | wc -l]=] == prunner.sh [=[ls /proc/self/fd | wc -l]=])
      local f = prunner.popen("cat", "w")
      local before = prunner.sh "ls -l /proc/self/fd | grep -c pipe"
      f:close()
      show(before == prunner.sh "ls -l /proc/self/fd | grep -c pipe")
    ]], "0000000000000000 0000000000000000\ntrue\ntrue\n")
  end)

  it("works where SIGCHLD is ignored, and where somebody else waits for the program", function()
    everywhere([[
      local ffi = require "ffi"
      ffi.cdef "void *signal(int, void *); int waitpid(int, int *, int);"
      ffi.C.signal(17, ffi.cast("void *", 1))
      show(prunner.execute "exit 3")
      show(pcall(prunner.sh, "echo x"))
      local f = prunner.popen "echo y; exit 4"
      show((f:read()))
      while ffi.C.waitpid(-1, nil, 0) > 0 do end
      fails(f.close, f)
    ]], "nil exit 3\ntrue x\n\ny\nfalse\tclose: how the program has ended is not known: "
      .. "somebody else has waited for it\n")
  end)
end)

describe("prunner.quote", function()
  it("makes one word of any bytes", function()
    everywhere([[
      local all = {}
      for i = 1, 255 do all[i] = string.char(i) end
      for _, word in ipairs { "", "it's", "a b", "-n", "$(x) `y` \\ \" * ~ !", "a\nb\n", table.concat(all), 12 } do
        if prunner.sh("printf %s " .. prunner.quote(word)) ~= tostring(word) then show("wrong", word) end
      end
      fails(prunner.quote, "a\0b") fails(prunner.quote) fails(prunner.quote, "a", "b")
    ]], "false\tquote: a word of the shell cannot have a byte 0\n"
      .. "false\tquote: a string or a number is needed, got nil\nfalse\tquote: one word at a time\n")
    helper.cleanup()
  end)
end)

describe("prunner.popen", function()
  after_each(helper.cleanup)

  it("reads as a file does", function()
    -- What io.popen says of the same is the measure.
    local body = [[
      local function try(command, ...)
        local f = popen(command)
        local results, n = {}, 0
        local function take(...) n = select("#", ...) for i = 1, n do results[i] = tostring((select(i, ...))) end end
        for _ = 1, 4 do
          take(f:read(...))
          for i = 1, n do results[i] = results[i]:gsub("\n", "/"):sub(1, 80) end
          print(table.concat(results, "|", 1, n))
        end
        f:close()
      end
      local text = "printf 'one\\n\\n3 0x10 -4.5e1junk\\nlast'"
      for _, format in ipairs { "*l", "*L", "*a", "*n", 0, 1, 5, 1000 } do try(text, format) end
      try(text, "*l", "*l", "*n", "*n", "*n", "*l")
      try(text, "*l", "*n", "*l")
      for _, number in ipairs { "12", " 12 ", "+5x", "0x", "1e", ".5.5", "-", "inf", "nan", "1e5e5", "abc", "" } do
        try("printf '" .. number .. "'", "*n", "*l")
      end
      try("seq 100000", "*l") try("head -c 200000 /dev/zero", 150000) try("seq 100000", "*a")
      local n = 0
      local f = popen "seq 50000"
      for line in f:lines() do n = n + line end
      print(n, f:read())
      f:close()
      f = popen "printf 'a b'; exit 0"
      print(f:read(), f:read(), f:read "*a", f:read "*a", f:read(0))
      f:close()
    ]]
    local wanted = expect(helper.run { "luajit", "-e", "local popen = io.popen\n" .. body }).out
    everywhere("local popen = prunner.popen\n" .. body, wanted)
    everywhere([[
      local f = prunner.popen "printf '1\\n2\\n3 4'"
      show(f:read("l", "L", "n", "a"))
      f:close()
      f = prunner.popen "printf '1 2 x'"
      for a in f:lines "n" do show(a) end
      f:close()
    ]], "1 2\n 3  4\n1\n2\n")
  end)

  it("writes as a file does, more than a pipe holds", function()
    everywhere([[
      local f = prunner.popen("test $(wc -c) = 300005 && exit 5", "w")
      show(f:write("a", 1, 2.5) == f, f:write() == f, f:write(("x"):rep(300000)) == f)
      show(f:flush() == f, f:setvbuf "no", f:seek())
      show(f:close())
    ]], "true true true\ntrue true nil Illegal seek 29\nnil exit 5\n")
  end)

  it("says that nobody reads any more, and lives", function()
    everywhere([[
      local f = prunner.popen("exit 0", "w")
      local ok, message, errno = true, nil, nil
      while ok do ok, message, errno = f:write(("x"):rep(100000)) end
      show(message, errno, f:close())
      local g = prunner.popen "exec yes"
      show(g:read(), g:close())
      fails(g.read, g)
      show(g, prunner.popen "true")
    ]], "Broken pipe 32 true exit 0\ny nil signal 13\nfalse\tattempt to use a closed file\n"
      .. "pipe (closed) pipe (true)\n")
  end)

  it("does not do what its mode is not for", function()
    everywhere([[
      local r, w = prunner.popen "true", prunner.popen("cat", "w")
      show(r:write "x") show(w:read()) fails(w:lines())
      fails(r.read, "x") fails(r.read)
      show(r:close()) show(w:close())
    ]], "nil Bad file descriptor 9\nnil Bad file descriptor 9\nfalse\tBad file descriptor\n"
      .. "false\tread: a pipe of popen is needed: use f:read()\n"
      .. "false\tread: a pipe of popen is needed: use f:read()\ntrue exit 0\ntrue exit 0\n")
  end)

  it("waits in a coroutine of the script, in pcall, in an iterator; and blocks in table.sort", function()
    local path = fifo()
    expect(helper.prunner(script(prelude .. ([[
      function begin() prunner.post_task(reads) prunner.post_task(writes) end
      function reads()
        local lines = coroutine.wrap(function()
          local f = prunner.popen "cat %s"
          for line in f:lines() do coroutine.yield(line) end
          coroutine.yield(tostring(f:close()))
        end)
        for line in lines do print(select(2, pcall(function() return line end))) end
        local list = { "b", "c", "a" }
        table.sort(list, function(a, b) return prunner.sh("echo " .. a) < prunner.sh("echo " .. b) end)
        print(table.concat(list))
      end
      function writes() prunner.execute "seq 3 > %s" end
    ]]):format(path, path)), "-q", "-n", 1, "-c", 5), 0, "1\n2\n3\ntrue\nabc\n")
  end)

  it("may be closed while another task waits for it", function()
    local result = expect(helper.prunner(script(prelude .. [[
      local f, told
      function begin() prunner.post_task(reads) prunner.post_task(closes) prunner.post_task(ends) end
      function reads()
        f = prunner.popen "exec sleep 1000"
        fails(f.read, f)
        told = true
      end
      function closes()
        while not f do prunner.sleep(0) end
        print((select(2, pcall(f.read, f)):gsub("%d+", "N")))
        show(f:close())
      end
      function ends()
        while not told do prunner.sleep(0) end
        prunner.execute "pkill -P $PPID sleep"
      end
    ]]), "-q", "-n", 1, "-c", 5), 0)
    has("descriptor N is being read by task #N: each task needs a connection of its own (prunner.pool)\n", result.out)
    has("nil signal 15\n", result.out)
    has("false\tattempt to use a closed file\n", result.out)
  end)
end)

describe("a program that a task has started", function()
  after_each(helper.cleanup)

  local commands = {
    "sleep 3317",
    "trap '' TERM; sleep 3317; sleep 3317",
    "setsid sleep 3317; sleep 3317",
    "(setsid --fork sh -c \"trap '' TERM; sleep 3317; sleep 3317\"); sleep 3317",
  }

  for _, command in ipairs(commands) do
    it("ends when the time of its task is over: " .. command, function()
      local calls = { "execute(%q)", "sh(%q)", "popen(%q):read()", "popen(%q):close()" }
      for i, c in ipairs { 4, 4, 4, 4, 1 } do
        local call = (calls[i] or calls[1]):format(command)
        local result = helper.prunner(script(in_task("prunner." .. call)), "-q", "-n", 1, "-c", c, "--timeout", 0.2)
        assert.are.equal(1, result.status)
        has(c == 1 and "it ran longer than allowed" or "timed out after 200ms while it waited for a program",
          result.err)
        nothing_left(result)
      end
    end)

    it("ends when its task fails, before the task runs again: " .. command, function()
      for _, c in ipairs { 1, 4 } do
        local result = helper.prunner(script(prelude .. ([[
          function begin() prunner.post_task(work) end
          function work()
            print(prunner.sh "pgrep -c -f 'sleep 331[7]' || true")
            local f = prunner.popen(%q)
            prunner.sh "while ! pgrep -f 'sleep 331[7]'; do :; done"
            error "mine"
          end
        ]]):format(command)), "-q", "-n", 1, "-c", c,
          "--retries", 1)
        assert.are.same({ "0\n\n0\n\n", 1 }, { result.out, result.status })
        nothing_left(result)
      end
    end)

    it("ends with its worker: " .. command, function()
      for _, c in ipairs { 1, 4 } do
        local result = helper.prunner(script(prelude .. ([[
          function begin() prunner.post_task(work) end
          function work()
            local f = prunner.popen(%q)
            prunner.execute "while ! pgrep -f 'sleep 331[7]' >/dev/null; do :; done; kill -KILL $PPID"
          end
        ]]):format(command)), "-q", "-n", 1, "-c", c, "--max-crashes", 1)
        assert.are.equal(1, result.status)
        has("SIGKILL", result.err)
        nothing_left(result)
      end
    end)
  end
end)

describe("a kernel that has no descriptors for processes", function()
  after_each(helper.cleanup)

  --- Runs what follows with pidfd_open() refused, as kernels before 5.3 do.
  local wrapper = [[
    local ffi = require "ffi"
    ffi.cdef [=[
      struct step { uint16_t code; uint8_t yes, no; uint32_t k; };
      struct program { uint16_t n; struct step *steps; };
      int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);
      int execvp(const char *, const char *const *);
    ]=]
    local steps = ffi.new("struct step[4]", { { 0x20, 0, 0, 0 }, { 0x15, 0, 1, 434 },
      { 0x06, 0, 0, 0x50000 + 38 }, { 0x06, 0, 0, 0x7fff0000 } }) -- ENOSYS for that one
    local program = ffi.new("struct program", 4, steps)
    local address = tonumber(ffi.cast("uintptr_t", ffi.cast("void *", program)))
    if ffi.C.prctl(38, 1, 0, 0, 0) ~= 0 or ffi.C.prctl(22, 2, address, 0, 0) ~= 0 then os.exit(77) end
    local words = ffi.new("const char *[?]", #arg + 1)
    for i = 1, #arg do words[i - 1] = arg[i] end
    ffi.C.execvp(words[0], words)
    os.exit(126)
  ]]

  it("is asked again and again", function()
    local path = fifo()
    local text = prelude .. ([[
      local ffi = require "ffi"
      ffi.cdef "long syscall(long, long, long);"
      function begin() prunner.post_task(one) prunner.post_task(two) end
      function one()
        if ffi.C.syscall(434, 1, 0) ~= -1 or ffi.errno() ~= 38 then error "there are" end
        show(prunner.sh "cat %s; exec >&- 2>&-; sleep 0.1", prunner.execute "exit 3")
      end
      function two()
        local f = prunner.popen("cat > %s", "w")
        f:write "x"
        f:close()
      end
    ]]):format(path, path)
    for _, how in ipairs { "-q", "-c5" } do
      local result = helper.run { "luajit", script(wrapper), helper.command, script(text), "-q", "-n", 2, how }
      if result.status == 77 then pending "no seccomp here" return end
      expect(result, 0, "x nil exit 3\n")
    end
  end)

  it("lets them be ended all the same", function()
    local result = helper.run { "luajit", script(wrapper), helper.command,
      script(in_task "prunner.execute [[trap '' TERM; sleep 3317; sleep 3317]]"), "-q", "-n", 1, "-c", 5,
      "--timeout", 0.2 }
    if result.status == 77 then pending "no seccomp here" return end
    has("timed out after 200ms while it waited for a program", result.err)
    nothing_left(result)
  end)
end)

describe("programs in numbers", function()
  after_each(helper.cleanup)

  it("leave no zombie, no descriptor and no memory", function()
    local out = expect(helper.prunner(script(prelude .. [[
      local function count(command) return tonumber((prunner.sh(command):match "%d+")) end
      local function fds() return count "ls /proc/$PPID/fd | wc -l" end
      local function zombies() return count "ps -o stat= --ppid $PPID | grep -c Z; true" end
      function begin() prunner.post_task(work, 1) end
      local before
      function work(round)
        if round > 1 then prunner.post_task(after, round) return end
        for _ = 1, 20 do prunner.sh "true" end
        before = fds()
        for i = 1, 300 do prunner.post_task(each, i) end
        prunner.post_task(work, 2)
      end
      function each(i)
        if i % 6 == 0 then prunner.sh "true"
        elseif i % 6 == 1 then prunner.execute "true"
        elseif i % 6 == 2 then prunner.popen("cat >/dev/null", "w"):write "x"
        elseif i % 6 == 3 then prunner.popen("cat", "w"):close()
        elseif i % 6 == 4 then pcall(prunner.sh, "exit 1")
        else prunner.popen "true"
        end
      end
      function after(round)
        collectgarbage() collectgarbage()
        prunner.sleep(0.01)
        local now, dead = fds(), zombies()
        if (now > before or dead > 0) and round < 500 then prunner.post_task(work, round + 1) return end
        print(now - before, dead)
      end
    ]]), "-q", "-n", 1, "-c", 10), 0).out
    assert.are.equal("0\t0\n", out)
  end)

  it("are counted right when workers die", function()
    local result = helper.job([[
      local n = prunner.counter "n"
      function begin() for i = 1, 200 do prunner.post_task(work, i) end end
      function work(i)
        local got = tonumber(prunner.sh("sleep 0.0" .. i % 7 .. "; echo " .. i))
        if i % 40 == 0 and prunner.attempt() == 1 then prunner.execute "kill -KILL $PPID" end
        n:add(got)
      end
      function end_() print(n:get()) end
    ]], 0, "20100\n", "-q", "-n", 2, "-c", 20, "--max-crashes", 50)
    nothing_left(result)
  end)
end)
