--- What tasks print: whole lines, nothing twice, nothing lost.

local helper = require "tests.e2e.helper"
local expect, script = helper.expect, helper.script

local function job(text, status, out, ...)
  return helper.job(text, status, out, "-n", 2, ...)
end

local function quoted(...)
  local words = {}
  for _, word in ipairs { ... } do words[#words + 1] = helper.quote(word) end
  return table.concat(words, " ")
end

--- Many lines, short and long, each told by its number and made so that any mixture shows.
local lines_job = [[
  local prunner = require "prunner"
  local ffi = require "ffi"
  local function line(i, k)
    local n = (i * 7 + k * 13) % 40
    if (i + k) % 50 == 0 then n = 100000 end
    return ("<%d %d %d %s>"):format(i, k, n, string.char(97 + i % 26):rep(n))
  end
  function begin() for i = 1, 200 do prunner.post_task(work, i) end end
  function work(i)
    for k = 1, 15, 3 do
      print(line(i, k))
      io.write(line(i, k + 1), "\n")
      local text = line(i, k + 2)
      for at = 1, #text, 5000 do io.stdout:write(text:sub(at, at + 4999)) end
      io.stdout:write "\n"
      if k == 7 then io.stdout:flush() end
      io.stderr:write(line(i, k), "\n")
    end
  end
]]

--- How many lines of `text` are whole; raises at one that is not.
local function whole_lines(text)
  local seen, n = {}, 0
  for line in text:gmatch("([^\n]*)\n") do
    local i, k, size, fill = line:match("^<(%d+) (%d+) (%d+) (%a*)>$")
    if not i or #fill ~= tonumber(size) or fill:find("[^" .. string.char(97 + i % 26) .. "]") then
      error("a broken line: " .. line:sub(1, 200))
    end
    if seen[i .. " " .. k] then error("twice: " .. line:sub(1, 200)) end
    seen[i .. " " .. k] = true
    n = n + 1
  end
  return n
end

describe("the output of tasks", function()
  after_each(helper.cleanup)

  it("comes in whole lines, to files", function()
    local result = expect(helper.prunner(script(lines_job), "-n", 8))
    assert.are.equal(3000, whole_lines(result.out))
    assert.are.equal(1000, whole_lines(result.err))
  end)

  it("comes in whole lines, to pipes", function()
    local result = expect(helper.run(("{ %s | cat; } 2>&1 >%s | cat"):format(
      quoted(helper.command, script(lines_job), "-n", 8), helper.quote(helper.tmpdir() .. "/out"))))
    assert.are.equal(1000, whole_lines(result.out))
    result = expect(helper.run(quoted(helper.command, script(lines_job), "-n", 8) .. " 2>&1 | cat"))
    assert.are.equal(4000, helper.count("\n", result.out))
    result = expect(helper.run(quoted(helper.command, script(lines_job), "-n", 8) .. " 2>/dev/null | cat"))
    assert.are.equal(3000, whole_lines(result.out))
  end)

  it("is not printed twice when it was buffered before the fork", function()
    for _, n in ipairs { 1, 8 } do
      expect(helper.prunner(script [[
        local prunner = require "prunner"
        io.write "loaded, "
        function begin() io.write "begun, " for i = 1, 20 do prunner.post_task(work, i) end end
        function work() prunner.dict:incr "n" end
        function end_() io.write(prunner.dict.n, " ended\n") end
      ]], "-n", n), 0, "loaded, begun, 20 ended\n")
    end
  end)

  it("is complete when lines are not, and when the task ends its worker", function()
    job([[
      function begin() prunner.post_task(work) end
      function work() io.write "no newline" end
      function end_() io.write "|end" end
    ]], 0, "no newline|end")
    job([[
      function begin() prunner.post_task(work) end
      function work() io.write "before os.exit" os.exit(0) end
      function end_() io.write "|end" end
    ]], 1, "before os.exit|end", "--max-crashes", 1, "-q")
    job([[
      function begin() prunner.post_task(work) end
      function work() io.write "flushed\n" io.stdout:flush() require("ffi").C.abort() end
      function end_() io.write "|end" end
      require("ffi").cdef "void abort(void);"
    ]], 1, "flushed\n|end", "--max-crashes", 1, "-q")
    job([[
      function begin() prunner.post_task(work) end
      function work() io.write "before the error|" error "x" end
      function worker_end() io.write "worker_end|" end
      function end_() io.write "end" end
    ]], 1, "before the error|worker_end|worker_end|end")
  end)

  it("is written before the task is done", function()
    job([[
      function begin() for i = 1, 200 do prunner.post_task(work, i) end end
      function work(i) io.write(i, "\n") prunner.post_task(die, i) end
      function die(i)
        if i % 20 == 0 and prunner.attempt() == 1 then os.execute "kill -9 $PPID" end
        io.write(-i, "\n")
      end
    ]], 0, nil, "-q")
    local result = job([[
      function begin() for i = 1, 200 do prunner.post_task(work, i) end end
      function work(i)
        print(i)
        prunner.post_task(check, i)
      end
      function check(i)
        if i % 25 == 0 and prunner.attempt() == 1 then os.execute "kill -9 $PPID" end
        print(-i)
      end
    ]], 0, nil, "-q")
    local sum, n = 0, 0
    for line in result.out:gmatch("[^\n]+") do sum, n = sum + tonumber(line), n + 1 end
    assert.are.same({ 0, 400 }, { sum, n })
  end)

  it("can be what io.output and io.lines make of it", function()
    local path = helper.tmpdir() .. "/file"
    job(([[
      function begin() prunner.post_task(work) end
      function work()
        local f = assert(io.open(%q, "w"))
        io.output(f)
        io.write "to the file"
        io.close()
        io.output(io.stdout)
        io.write "to stdout\n"
        print(io.read())
      end
    ]]):format(path), 0, "to stdout\nnil\n", { stdin = "never read by tasks\n" })
    assert.are.equal("to the file", helper.read(path))
  end)

  it("is in files that tasks have opened and not closed, when their worker has ended", function()
    local path = helper.tmpdir() .. "/file"
    for _, option in ipairs { "-q", "--serial", "--max-tasks=3" } do
      job(([[
        local file
        function begin() for i = 1, 10 do prunner.post_task(work, i) end end
        function work(i)
          file = file or assert(io.open(%q, "a"))
          file:write(i, "\n")
        end
      ]]):format(path), 0, "", option)
    end
    assert.are.equal(3 * 10, helper.count("\n", helper.read(path)))
  end)

  it("is no matter of the job when it is for a program that has gone", function()
    job([[
      function begin() prunner.post_task(work) end
      function work() pipe = io.popen("exec true", "w") os.execute "sleep 0.2" pipe:write "x" end
    ]], 0, "")
  end)

  it("may be a line of any length, and is not looked through again and again", function()
    local path = helper.script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(work) end
      function work()
        local part = ("x"):rep(1000)
        for _ = 1, 120000 do io.write(part) end
        io.write "\nshort\n"
      end
    ]]
    local command = ("%s -n 1 %s | wc"):format(helper.quote(helper.command), helper.quote(path))
    assert.has_match("^ *2 +2 120000007\n$", helper.run(command, { timeout = 15 }).out)
  end)

  it("takes in what commands of tasks print", function()
    job([[
      function begin() prunner.post_task(work) end
      function work() print "first" io.stdout:flush() os.execute "echo second" print "third" end
    ]], 0, "first\nsecond\nthird\n")
  end)

  it("is read by begin from standard input", function()
    job([[
      function begin() for line in io.lines() do prunner.post_task(work, line) end end
      function work(line) print(line) end
    ]], 0, "a\nb\n", "-n", 1, { stdin = "a\nb\n" })
  end)
end)

describe("standard output that nobody reads", function()
  after_each(helper.cleanup)

  it("ends the job with status 141 and says little", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 100000 do prunner.post_task(work, i) end end
      function work(i) print(i, ("x"):rep(1000)) end
      function end_() io.stderr:write "never\n" end
    ]]
    local status = helper.tmpdir() .. "/status"
    local result = expect(helper.run(("{ %s; echo $? >%s; } | head -1"):format(
      quoted(helper.command, path, "-n", 4), helper.quote(status)), { timeout = 20 }))
    assert.has_match("^%d+\tx+\n$", result.out)
    assert.are.equal("141\n", helper.read(status))
    assert.is_true(#result.err < 300, result.err)
    assert.is_nil(result.err:find("never"))
    assert.are.same({}, helper.survivors(result))
  end)

  it("ends it also when only end_ prints, or with --serial", function()
    for _, words in ipairs { { "-n", "2" }, { "--serial" } } do
      local status = helper.tmpdir() .. "/status"
      local path = script [[
        local prunner = require "prunner"
        function begin() prunner.post_task(work) end
        function work() for i = 1, 100000 do print(i) end end
        function end_() for i = 1, 100000 do print(i) end end
      ]]
      local result = expect(helper.run(("{ %s; echo $? >%s; } | true"):format(
        quoted(helper.command, path, unpack(words)), helper.quote(status)), { timeout = 20 }))
      assert.are.equal("141\n", helper.read(status))
      assert.is_true(#result.err < 500, result.err)
    end
  end)
end)

describe("standard output that is full", function()
  after_each(helper.cleanup)

  for what, case in pairs {
    ["tasks"] = [[ function work() for i = 1, 10000 do print(i) end end function end_() end ]],
    ["one short line of a task"] = [[ function work() print "x" end function end_() end ]],
    ["end_"] = [[ function work() end function end_() print "x" end ]],
    ["end_, much of it"] = [[ function work() end function end_() for i = 1, 10000 do print(i) end end ]],
    ["begin, much of it"] = [[
      local post = begin
      function begin() for i = 1, 10000 do print(i) end post() end
      function work() io.stderr:write "never\n" end]],
    ["begin"] = [[
      local post = begin
      function begin() print "x" post() end
      function work() io.stderr:write "never\n" end
      function end_() io.stderr:write "never\n" end]],
    ["the script itself"] = [[ print "x" function work() io.stderr:write "never\n" end ]],
    ["begin before os.exit"] = [[ function begin() print "x" os.exit(0) end ]],
  } do
    it("gives an error and a status that is not 0, printed by " .. what, function()
      for _, options in ipairs { "-n 2", "--serial", "--keep-order" } do
        local path = script([[ local prunner = require "prunner"
          function begin() for i = 1, 20 do prunner.post_task(work, i) end end ]] .. case)
        local result = helper.run(quoted(helper.command, path) .. " " .. options .. " >/dev/full",
          { timeout = 20 })
        assert.is_nil(result.timed_out)
        assert.are.equal(3, result.status)
        assert.has_match("prunner: standard output: No space left on device: ", result.err, 1, true)
        assert.is_true(#result.err < 1000, result.err)
        assert.are.equal(1, helper.count("standard output", result.err), result.err)
        helper.has_not("never", result.err)
      end
    end)
  end

  it("gives the same when it is closed, and shared data comes to no harm", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      function work(i) prunner.dict[i] = i print(("x"):rep(1000)) end
      function end_() print "end" end
    ]]
    for _, options in ipairs { "-n 3 >&-", "--serial >&-", "-n 3 <&- >&-" } do
      local result = expect(helper.run(quoted(helper.command, path) .. " " .. options), 3, "")
      assert.has_match("prunner: standard output: Bad file descriptor", result.err, 1, true)
    end
    expect(helper.run(quoted(helper.command, path) .. " -n 3 <&- >&- 2>&-"), 3)
    local result = expect(helper.run(quoted(helper.command, path) .. " -n 3 2>&-"))
    assert.are.equal(100 * 1001 + 4, #result.out)
  end)

  it("leaves a job of --state to be resumed when end_ could not tell its result", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(work) end
      function work() prunner.dict.n = 42 end
      function end_() print(prunner.dict.n) end
    ]]
    local state = helper.beside(path, "job.state")
    expect(helper.run(quoted(helper.command, "--state", state, path) .. " >/dev/full"), 3)
    expect(helper.prunner("--resume", state, path), 0, "42\n")
  end)

  it("may not grow any further (ulimit -f): told by tasks likewise", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 20 do prunner.post_task(work, i) end end
      function work() for i = 1, 1000 do print(i) end end
    ]]
    local out = helper.beside(path, "out")
    local result = helper.run(("ulimit -f 8; exec %s -n 2 >%s"):format(quoted(helper.command, path),
      helper.quote(out)), { timeout = 20 })
    expect(result, 3)
    helper.has("standard output: File too large: the job cannot continue", result.err)
  end)

  it("may not grow any further: messages are lost, and nobody dies of them", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      function work(i) if i % 2 == 0 then error("no") end prunner.counter "n":add(1) end
      -- What programs do about their own files stays their own matter.
      function worker_end() prunner.dict.blocked = io.open "/proc/self/status":read "*a":match "SigBlk:%s*(%x+)" end
      function end_() print(prunner.counter "n":get(), prunner.stats().failed, prunner.dict.blocked) end
    ]]
    local blocked = expect(helper.run("grep SigBlk /proc/self/status")).out:match "%x+\n":gsub("%s", "")
    local err = helper.beside(path, "err")
    for _, options in ipairs { "-n 2 --debug", "-n 2 --progress=json --debug", "--serial --debug" } do
      local result = helper.run(("ulimit -f 8; exec %s %s %s 2>%s"):format(helper.quote(helper.command), options,
        quoted(path), helper.quote(err)), { timeout = 20 })
      assert.are.equal(1, result.status)
      assert.has_match("^50\t50\t" .. blocked, result.out)
      assert.is_true(#helper.read(err) >= 4096)
    end
  end)

  it("is no matter to a job that prints nothing", function()
    local path = script "function begin() end"
    expect(helper.run(quoted(helper.command, path) .. " >/dev/full"))
    expect(helper.run(quoted(helper.command, path) .. " >&-"))
    expect(helper.run(quoted(helper.command, path) .. " <&- >&- 2>&-"))
  end)

  for _, how in ipairs {
    "if os.execute('echo ' .. i) ~= 0 then error('echo failed', 0) end",
    "local p = io.popen('echo ' .. i .. ' || echo failed >&3', 'r') p:close() "
      .. "if os.execute('echo ' .. i) ~= 0 then error {} end",
    "ffi.C.signal(13, nil) ffi.C.write(1, 'x\\n', 2) ffi.C.poll(nil, 0, 5)",
  } do
    for _, options in ipairs { "-n 2", "--serial", "-n 2 --group", "-n 2 --keep-order", "-n 2 --tag" } do
      it("fails no task when nobody reads what programs print: " .. options .. ": " .. how, function()
        -- Under --serial it dies of that itself, as luajit does; captured, it is no pipe.
        if options ~= "-n 2" and how:find "write" then return end
        local path = script([[
          local prunner, ffi = require "prunner", require "ffi"
          ffi.cdef "long write(int, const char *, unsigned long); int poll(void *, unsigned long, int);"
          ffi.cdef "void (*signal(int, void (*)(int)))(int);"
          function begin() for i = 1, 200 do prunner.post_task(run, i) end end
          function run(i) ]] .. how .. [[ end
          function end_() io.stderr:write "end_\n" end
        ]])
        local status = helper.tmpdir() .. "/status"
        local result = helper.run(("{ %s %s %s 3>&2; echo $? > %s; } | head -1"):format(
          helper.quote(helper.command), helper.quote(path), options, status), { timeout = 30 })
        assert.are.equal("141\n", helper.read(status))
        assert.is_nil(result.err:find("failed", 1, true))
        assert.is_nil(result.err:find("end_", 1, true))
      end)
    end
  end
end)

describe("standard output that does not block", function()
  after_each(helper.cleanup)

  -- Both readers let the pipes be full for a while. arg[1]: who prints.
  local path_of = function()
    return script [[
      local prunner = require "prunner"
      local function out(where)
        if arg[1] ~= where then return end
        for i = 1, 3000 do
          print(("x"):rep(99))
          io.stderr:write(("y"):rep(99), "\n")
        end
      end
      out "top"
      function begin() out "begin" prunner.post_task(work) end
      function work() out "work" end
      function end_() out "end_" end
    ]]
  end
  local no_block = [[perl -MFcntl -e 'for my $f (\*STDOUT, \*STDERR) {
    fcntl($f, F_SETFL, fcntl($f, F_GETFL, 0) | O_NONBLOCK) or die } exec @ARGV' ]]

  for _, where in ipairs { "top", "begin", "work", "end_" } do
    it("waits for its reader, printed by " .. where, function()
      for _, option in ipairs { "-n2", "--serial" } do
        local path = path_of()
        local out, err = helper.beside(path, "out"), helper.beside(path, "err")
        helper.run(("{ %s 2>&3 | { sleep 0.2; wc -c >%s; }; } 3>&1 | { sleep 0.2; wc -c >%s; }"):format(
          no_block .. quoted(helper.command, option, path, "--", where), quoted(out), quoted(err)))
        assert.are.same({ "300000\n", "300000\n" }, { helper.read(out), helper.read(err) }, option)
      end
    end)
  end
end)
