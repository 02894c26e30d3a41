--- --keep-order: what tasks print is shown in the order in which they were posted.

local helper = require "tests.e2e.helper"
local expect, script = helper.expect, helper.script

local prelude = helper.deadly .. [[
  ffi.cdef "int usleep(unsigned);"
  --- A while that differs from task to task.
  local function dawdle(i) ffi.C.usleep(i * 7919 % 20 * 300) end
]]

local function job(text, ...)
  return helper.prunner(script(prelude .. text), "--keep-order", ...)
end

--- The lines f(1) .. f(n).
local function lines(n, f)
  local all = {}
  for i = 1, n do all[i] = f(i) end
  return table.concat(all, "\n") .. "\n"
end

--- A tree: 6 tasks of begin, with 3 children each, these with 2; what they print says where they are.
local tree = [[
  function begin() for i = 1, 6 do prunner.post_task(grow, tostring(i), 1) end end
  function grow(path, depth)
    dawdle(#path * 31 + path:byte(-1))
    print(path)
    if depth == 2 then
      prunner.post_many(leaf, { path .. ".1", path .. ".2" })
      io.write("(", path, ")\n")
    elseif depth < 2 then
      for i = 1, 3 do prunner.post_task(grow, path .. "." .. i, depth + 1) end
    end
  end
  function leaf(path) dawdle(path:byte(-1)) os.execute("echo " .. path) end
  function end_() print "end" end
]]

local function tree_text()
  local all = {}
  for i = 1, 6 do
    all[#all + 1] = i
    for k = 1, 3 do
      local path = i .. "." .. k
      all[#all + 1] = ("%s\n(%s)\n%s.1\n%s.2"):format(path, path, path, path)
    end
  end
  return table.concat(all, "\n") .. "\nend\n"
end

describe("--keep-order", function()
  after_each(helper.cleanup)

  it("shows the output of begin's tasks as they were posted, whatever order they end in", function()
    local text = [[
      local n = 8
      function begin() for i = 1, n do prunner.post_task(work, i) end end
      function work(i)
        while i < n and not prunner.dict[i + 1] do ffi.C.usleep(500) end
        ffi.C.usleep(2000)
        print(i)
        io.stderr:write("error ", i, "\n")
        prunner.dict[i] = true
      end
    ]]
    local result = expect(job(text, "-n", 8), 0, lines(8, tostring))
    assert.are.equal(lines(8, function(i) return "error " .. i end), result.err)
  end)

  it("shows a task, then what it posted, then the next: the same for any number of workers", function()
    for _, options in ipairs { { "-n", 1 }, { "-n", 2 }, { "-n", 8 }, { "--serial" },
      { "-n", 3, "--order", "lifo" }, { "--serial", "--order", "lifo" } } do
      expect(job(tree, unpack(options)), 0, tree_text())
    end
  end)

  it("shows what is at its turn while later tasks still run", function()
    local flag = helper.tmpdir() .. "/flag"
    local process = helper.spawn_prunner(script(prelude .. [[
      local flag = arg[1]
      function begin() for i = 1, 5 do prunner.post_task(work, i) end end
      function work(i)
        print(i)
        while i == 3 and not io.open(flag) do ffi.C.usleep(1000) end
      end
    ]]), "--keep-order", "-n", 2, flag)
    assert.is_not_nil(helper.wait_until(function() return process:out() == "1\n2\n" end))
    helper.write(flag, "")
    expect(process:wait(), 0, "1\n2\n3\n4\n5\n")
  end)

  it("passes over a task that was quarantined or failed at once, not at the end of the job", function()
    local flag = helper.tmpdir() .. "/flag"
    local process = helper.spawn_prunner(script(prelude .. [[
      local flag = arg[1]
      function begin() for i = 1, 6 do prunner.post_task(work, i) end end
      function work(i)
        if i == 1 then die() elseif i == 2 then os.exit(1) elseif i == 3 then error "no luck" end
        print(i)
        while i == 6 and not io.open(flag) do ffi.C.usleep(1000) end
      end
    ]]), "--keep-order", "--max-crashes", 1, "-n", 2, "-q", flag)
    assert.is_not_nil(helper.wait_until(function() return process:out() == "4\n5\n" end))
    helper.write(flag, "")
    expect(process:wait(), 1, "4\n5\n6\n")
  end)

  it("keeps the order through many tasks and much output, with little memory", function()
    local result = expect(job([[
      function begin() for i = 1, 400 do prunner.post_task(work, i) end end
      function work(i)
        if i == 1 then
          while prunner.dict.done == nil or prunner.dict.done < 399 do ffi.C.usleep(1000) end
        end
        io.write(i, " ", ("x"):rep(i % 10 == 0 and 1000000 or 5000), "\n")
        prunner.dict:incr "done"
      end
    ]], "-n", 4))
    local n = 0
    for i, x in result.out:gmatch "(%d+) (x+)\n" do
      n = n + 1
      assert.are.equal(n, tonumber(i))
      assert.are.equal(n % 10 == 0 and 1000000 or 5000, #x)
    end
    assert.are.equal(400, n)
  end)

  it("passes over tasks that print nothing", function()
    expect(job([[
      function begin() for i = 1, 20000 do prunner.post_task(work, i) end end
      function work(i) if i % 1000 == 0 then print(i) end end
    ]], "-n", 4), 0, lines(20, function(i) return tostring(i * 1000) end))
  end)

  it("is not held up by tasks that fail, run again, or are quarantined", function()
    expect(job([[
      function begin() for i = 1, 30 do prunner.post_task(work, i) end end
      function work(i)
        dawdle(i)
        print(i, prunner.attempt())
        if i % 10 == 1 then error "no luck" end
        if i % 10 == 2 and prunner.attempt() == 1 then die() end
        if i % 10 == 3 then die() end
        if i % 10 == 4 then os.exit(1) end
        prunner.post_task(child, i)
      end
      function child(i) print("child", i) end
    ]], "-n", 4, "--retries", 1, "--max-crashes", 2, "-q"), 1, (lines(30, function(i)
      if i % 10 == 1 or i % 10 == 4 then return ("%d\t1\n%d\t2"):format(i, i) end
      if i % 10 == 2 then return ("%d\t2\nchild\t%d"):format(i, i) end
      return i % 10 == 3 and "" or ("%d\t1\nchild\t%d"):format(i, i)
    end):gsub("\n\n", "\n")))
  end)

  it("waits for a task that is run again later", function()
    expect(job([[
      prunner.task("work", function(i)
        print(i, prunner.attempt())
        if i == 1 and prunner.attempt() == 1 then error "later" end
      end, { backoff = 0.3, retries = 1 })
      function begin() for i = 1, 3 do prunner.post_task("work", i) end end
    ]], "-n", 2, "-q"), 0, "1\t1\n1\t2\n2\t1\n3\t1\n")
  end)

  it("loses nothing when workers are killed all the time", function()
    local result = expect(job([[
      function begin() for i = 1, 200 do prunner.post_task(work, i) end end
      function work(i)
        print(i)
        for k = 1, 3 do prunner.post_task(child, i, k) end
        if i % 7 == 0 and prunner.attempt() == 1 then die() end
      end
      function child(i, k)
        if (i + k) % 11 == 0 and prunner.attempt() == 1 then die() end
        print(i, k)
      end
    ]], "-n", 4, "-q"))
    assert.are.equal(lines(200, function(i) return ("%d\n%d\t1\n%d\t2\n%d\t3"):format(i, i, i, i) end),
      result.out)
  end)

  it("shows the children of a run that died in its midst, at the end if need be", function()
    local result = expect(job([[
      function begin() prunner.post_task(producer) prunner.post_task(last) end
      function producer()
        for i = 1, 3000 do prunner.post_task(work, i) end
        if prunner.attempt() == 1 then die() end
        print "producer"
      end
      function work(i) print(i) end
      function last() print "last" end
    ]], "-n", 2, "-q"))
    local seen, n = {}, 0
    for line in result.out:gmatch "[^\n]+" do
      assert.is_nil(seen[line])
      seen[line], n = true, n + 1
    end
    assert.are.equal(3002, n)
    assert.has_match("^producer\n", result.out)
  end)

  it("shows the children of all parts of a long producer in order", function()
    expect(job([[
      function begin() prunner.post_task(producer) prunner.post_task(last) end
      function producer()
        print "producer"
        for i = 1, 2500 do
          prunner.post_task(work, i)
          if i == 1200 then prunner.commit(i) end
        end
        print "produced"
      end
      function work(i) print(i) end
      function last() print "last" end
    ]], "-n", 3), 0, "producer\nproduced\n" .. lines(2500, tostring) .. "last\n")
  end)

  it("shows what is there when the job ends early", function()
    local result = expect(job([[
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      function work(i)
        print(i)
        if i == 10 then error "stop" end
        while i == 2 and prunner.dict.n ~= 5 do ffi.C.usleep(500) end
        if i > 2 and i < 8 then prunner.dict:incr "n" end
        dawdle(i)
      end
    ]], "-n", 2, "--halt", "soon,fail=1", "-q"), 1)
    local last = 0
    for line in result.out:gmatch "[^\n]+" do
      assert.is_true(tonumber(line) > last, result.out)
      last = tonumber(line)
    end
    assert.is_true(last >= 10)
  end)

  it("goes on in order with a job that was killed", function()
    local state = helper.tmpdir() .. "/job.state"
    local path = script(prelude .. [[
      local first = not io.open(arg[1])
      function begin() for i = 1, 40 do prunner.post_task(work, i) end end
      function work(i)
        dawdle(i)
        print(i)
        if i == 15 and first then
          io.open(arg[1], "w"):close()
          ffi.C.kill(tonumber(io.open("/proc/self/stat"):read "*a":match "^%d+ %b() %a (%d+)"), 9)
          while true do end
        end
      end
    ]])
    local flag = helper.tmpdir() .. "/flag"
    helper.prunner(path, "--keep-order", "-n", 3, "--state", state, flag)
    local result = expect(helper.prunner(path, "--keep-order", "-n", 3, "--resume", state, flag))
    local last, seen15 = 0, false
    for line in result.out:gmatch "[^\n]+" do
      assert.is_true(tonumber(line) > last, result.out)
      last = tonumber(line)
      seen15 = seen15 or last == 15
    end
    assert.are.equal(40, last)
    assert.is_true(seen15)
  end)

  it("ends the job when the process that shows the output is killed", function()
    local process = helper.spawn_prunner(script(prelude .. [[
      function begin() prunner.post_task(work, 1) end
      function work(i) ffi.C.usleep(1000) prunner.post_task(work, i + 1) end
    ]]), "--keep-order", "-n", 2)
    local pid = process:pid()
    local printer = helper.wait_until(function()
      -- The first child: it is forked before the workers.
      return (helper.read(("/proc/%d/task/%d/children"):format(pid, pid)) or ""):match "^(%d+) %d"
    end)
    os.execute("kill -9 " .. printer)
    local result = expect(process:wait(), 3)
    assert.has_match("the process that shows output in order (--keep-order) died (SIGKILL): "
      .. "the job cannot continue", result.err, 1, true)
    assert.are.same({}, helper.survivors(result))
  end)

  it("cannot be had line by line", function()
    local result = expect(job("function begin() end", "--line-buffer"), 2)
    assert.has_match("prunner: --line-buffer shows lines as they come, --keep-order not before the task "
      .. "has ended: leave one out", result.err, 1, true)
  end)

  it("can continue after everything was killed while its printer showed something", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 50 do prunner.post_task(work, i) end end
      function work(i) print(("x"):rep(10000)) end
      function end_() io.stderr:write(prunner.stats().finished, " done\n") end
    ]]
    local dir = helper.tmpdir()
    -- The pipe holds 64 KiB: the printer waits for its reader, and holds the lock of the output.
    helper.run(("cd %s; mkfifo pipe; sleep 60 < pipe & reader=$!; %s --state state %s --keep-order -n 2 > pipe & "
      .. "job=$!; until for p in $(pgrep -P $job); do cat /proc/$p/wchan; done 2>/dev/null | grep -q pipe_write "
      .. "|| [ $((n += 1)) -gt 200 ]; do sleep 0.05; done; kill -9 $job $reader; wait")
      :format(dir, helper.quote(helper.command), helper.quote(path)),
      { timeout = 30 })
    local result = helper.expect(helper.prunner("--resume", dir .. "/state", path, "-n", 2, { timeout = 30 }), 0)
    assert.truthy(result.err:find("50 done\n", 1, true))
  end)
end)
