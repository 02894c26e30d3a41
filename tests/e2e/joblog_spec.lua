--- --joblog: a line for each run of a task that ended.

local helper = require "tests.e2e.helper"
local expect, has = helper.expect, helper.has

local COLUMNS = "Seq Host Starttime JobRuntime Send Receive Exitval Signal Command Function Worker "
  .. "Attempt Outcome Weight Poster Arguments Error Task Waited"

--- A script and the path of a file beside it.
local function make(text)
  local path = helper.script(helper.deadly .. text)
  return path, helper.beside(path, "job.log")
end

--- The lines of a job log as tables by column; checks that each has all columns.
local function lines_of(path)
  local names, list = {}, {}
  for name in COLUMNS:gmatch "%S+" do names[#names + 1] = name end
  local first = true
  for line in helper.read(path):gmatch "([^\n]*)\n" do
    local fields, n = {}, 0
    for field in (line .. "\t"):gmatch "([^\t]*)\t" do
      n = n + 1
      fields[names[n] or n] = field
    end
    assert.are.equal(#names, n, line)
    if first then
      assert.are.equal(COLUMNS, (line:gsub("\t", " ")))
      first = false
    else
      list[#list + 1] = fields
    end
  end
  return list
end

local function of_function(list, name)
  local found = {}
  for _, line in ipairs(list) do
    if line.Function == name then found[#found + 1] = line end
  end
  table.sort(found, function(a, b) return tonumber(a.Starttime) < tonumber(b.Starttime) end)
  return found
end

describe("--joblog", function()
  after_each(helper.cleanup)

  it("has a line for each run: done, failed, retried, died, quarantined", function()
    local path, log = make [[
      function begin() prunner.post_task(middle) end
      function middle()
        prunner.post_task(fine, 7, "text")
        prunner.post_task("flaky")
        prunner.post_task(dies)
        prunner.post_task "leaves"
      end
      function fine() local t = os.clock() while os.clock() < t + 0.02 do end end
      prunner.task("flaky", function() error("no luck", 0) end, { retries = 1 })
      function dies() die(11) end
      prunner.task("leaves", function() os.exit(3) end, { max_crashes = 1 })
    ]]
    local before = os.time()
    expect(helper.prunner(path, "-n", 2, "-q", "--joblog", log, "--max-crashes", 2), 1)
    local list = lines_of(log)
    assert.are.equal(7, #list)

    local fine = of_function(list, "fine")[1]
    assert.are.same({ ":", "0", "0", "0", "0", 'fine(7, "text")', "1", "done", "1", "middle",
      '7, "text"', "" },
      { fine.Host, fine.Send, fine.Receive, fine.Exitval, fine.Signal, fine.Command, fine.Attempt,
        fine.Outcome, fine.Weight, fine.Poster, fine.Arguments, fine.Error })
    assert.is_true(tonumber(fine.JobRuntime) >= 0.02)
    local start = tonumber(fine.Starttime)
    assert.is_true(start >= before - 1 and start <= os.time() + 1, fine.Starttime)
    assert.has_match("^[12]$", fine.Worker)

    local flaky = of_function(list, "flaky")
    assert.are.same({ "retry", "failed", "1", "2", "1", "no luck" }, { flaky[1].Outcome,
      flaky[2].Outcome, flaky[1].Attempt, flaky[2].Attempt, flaky[2].Exitval, flaky[2].Error })
    assert.are.equal(flaky[1].Task, flaky[2].Task)
    assert.is_true(tonumber(flaky[1].Task) >= 4096)
    for i, line in ipairs(list) do assert.are.equal(tostring(i), line.Seq) end

    local dies = of_function(list, "dies")
    assert.are.same({ "died", "quarantined", "0", "11", "SIGSEGV" },
      { dies[1].Outcome, dies[2].Outcome, dies[1].Exitval, dies[1].Signal, dies[1].Error })
    local leaves = of_function(list, "leaves")[1]
    assert.are.same({ "quarantined", "3", "0", "os.exit(3)" },
      { leaves.Outcome, leaves.Exitval, leaves.Signal, leaves.Error })
  end)

  it("keeps a run in one line and its fields apart whatever it was given", function()
    local path, log = make [[
      local bytes = {}
      for i = 0, 31 do bytes[#bytes + 1] = string.char(i) end
      function begin() prunner.post_task(fails, table.concat(bytes)) end
      function fails() error("one\ttwo\27[2J\nthree", 0) end
    ]]
    expect(helper.prunner(path, "-n", 1, "-q", "--joblog", log), 1)
    local line = lines_of(log)[1]
    assert.are.equal("one\\ttwo\\x1b[2J", line.Error)
    assert.is_nil(helper.read(log):find "[%z\1-\8\11-\31]")
  end)

  it("says how long a run waited while its worker ran others", function()
    local path, log = make [[
      function begin()
        prunner.post_task(waits)
        prunner.post_task(computes)
      end
      function waits() prunner.sleep(0.05) end
      function computes() local t = os.clock() while os.clock() < t + 0.01 do end end
    ]]
    expect(helper.prunner(path, "-n", 1, "-c", 2, "--joblog", log), 0)
    local list = lines_of(log)
    local waits, computes = of_function(list, "waits")[1], of_function(list, "computes")[1]
    local waited, ran = tonumber(waits.Waited), tonumber(waits.JobRuntime)
    assert.is_true(waited >= 0.049 and waited <= ran, waits.Waited .. " of " .. waits.JobRuntime)
    assert.are.equal(0, tonumber(computes.Waited))
    os.remove(log)
    expect(helper.prunner(path, "-n", 1, "--joblog", log), 0)
    for _, line in ipairs(lines_of(log)) do assert.are.equal(0, tonumber(line.Waited)) end
  end)

  it("adds to a job log, whose header stays one, and ends a line that was cut", function()
    local path, log = make [[
      function begin() for i = 1, 50 do prunner.post_task(print, i) end end
    ]]
    expect(helper.prunner(path, "-n", 4, "--joblog", log), 0)
    assert.are.equal("600\n", helper.run({ "stat", "-c", "%a", log }).out)
    assert.are.equal(50, #lines_of(log))
    expect(helper.prunner(path, "-n", 4, "--joblog", log), 0)
    assert.are.equal(100, #lines_of(log))
    helper.write(log, helper.read(log) .. "4096\t:\t17")
    expect(helper.prunner(path, "-n", 4, "--joblog", log), 0)
    local _, n = helper.read(log):gsub("\n", "")
    assert.are.equal(1 + 150 + 1, n)
  end)

  it("does not touch a file that is something else, nor runs the script then", function()
    local path, log = make "print 'loaded'"
    helper.write(log, "Seq\tHost\tmy own notes\n")
    local result = expect(helper.prunner(path, "--joblog", log), 2, "")
    has(('prunner: --joblog: "%s" exists already, and is not a job log of prunner\'s: remove it, '
      .. "or give another name\n"):format(log), result.err)
    assert.are.equal("Seq\tHost\tmy own notes\n", helper.read(log))
    result = expect(helper.prunner(path, "--joblog", "/nowhere/x"), 2, "")
    has('prunner: --joblog: "/nowhere/x": No such file or directory\n', result.err)
  end)

  it("says how many runs each line stands for, and how many have none", function()
    local path, log = make [[
      function begin() for i = 1, 200000 do prunner.post_task(tiny, i) end end
      function tiny() end
    ]]
    local result = expect(helper.prunner(path, "-n", 2, "--joblog", log), 0)
    local lines, weight = lines_of(log), 0
    for _, line in ipairs(lines) do weight = weight + tonumber(line.Weight) end
    assert.is_true(#lines < 200000)
    -- A worker's ring has room for 4096 of them. Half of that are the first tasks, after them come
    -- 10,000 a second.
    assert.is_true(weight >= 4096 and weight <= 200000, weight)
    has(('"%s" got a line for %d of 200000 runs'):format(log, #lines), result.err)
    has("--log-every-run writes all", result.err)
  end)

  for _, how in ipairs { "-n2", "--serial" } do
    it("with --log-every-run has them all, under " .. how, function()
      local path, log = make [[
        function begin() for i = 1, 50000 do prunner.post_task(tiny, i) end end
        function tiny() end
      ]]
      local result = expect(helper.prunner(path, how, "--joblog", log, "--log-every-run"), 0)
      assert.are.equal("", result.err)
      local seen, n = {}, 0
      for _, line in ipairs(lines_of(log)) do
        assert.are.equal("1", line.Weight)
        assert.is_nil(seen[line.Arguments])
        seen[line.Arguments], n = true, n + 1
      end
      assert.are.equal(50000, n)
    end)
  end

  it("with --log-every-run has each run although workers die all the time", function()
    local path, log = make [[
      function begin() for i = 1, 20000 do prunner.post_task(tiny, i) end end
      function tiny(i) if i % 1000 == 0 and prunner.attempt() == 1 then die(9) end end
    ]]
    expect(helper.prunner(path, "-n", 2, "-q", "--joblog", log, "--log-every-run"), 0)
    local died, done = 0, {}
    for _, line in ipairs(lines_of(log)) do
      if line.Outcome == "died" then died = died + 1 else done[line.Arguments] = line.Attempt end
    end
    assert.are.equal(20, died)
    -- A worker that is killed after a commit may not have noted that run.
    local n = 0
    for _ in pairs(done) do n = n + 1 end
    assert.are.equal(20000, n)
  end)

  it("that cannot be written any more is said once, and the job goes on", function()
    local path, log = make [[
      function begin() for i = 1, 5000 do prunner.post_task(tiny, i) end end
      function tiny() end
      function end_() print "ended" end
    ]]
    local result = expect(helper.prunner(path, "-n", 2, "--joblog", "/dev/full"), 0, "ended\n")
    assert.are.equal('prunner: --joblog: "/dev/full" is not complete: No space left on device. '
      .. "The job continues without it\n", result.err)
    result = expect(helper.run("ulimit -f 8 && exec " .. helper.quote(helper.command) .. " -n 2 --joblog "
      .. helper.quote(log) .. " " .. helper.quote(path)), 0, "ended\n")
    has("is not complete: File too large", result.err)
  end)

  it("is given up when its reader goes away in the midst of a write", function()
    local path, log = make [[
      function begin() for i = 1, 10000 do prunner.post_task(tiny, ("x"):rep(60) .. i) end end
      function tiny() end
      function end_() print "ended" end
    ]]
    local result = expect(helper.run(("mkfifo %s && { (head -c 100000 && sleep 0.5) < %s > /dev/null & } && "
      .. "exec %s -n 2 --log-every-run --joblog %s %s"):format(helper.quote(log), helper.quote(log),
      helper.quote(helper.command), helper.quote(log), helper.quote(path))), 0, "ended\n")
    has("is not complete: Broken pipe. The job continues without it\n", result.err)
  end)

  it("is complete when the job is interrupted", function()
    local path, log = make [[
      function begin() prunner.post_task(slow) prunner.post_task(waits) end
      function slow() print "now" io.flush() os.execute "sleep 0.3" end
      function waits() os.execute "sleep 0.3" end
    ]]
    local process = helper.spawn_prunner(path, "-n", 1, "--joblog", log)
    helper.wait_until(function() return process:out() ~= "" end)
    process:kill "INT"
    expect(process:wait(), 130)
    assert.are.equal("slow", lines_of(log)[1].Function)
  end)
end)

describe("--log-every-run", function()
  after_each(helper.cleanup)

  it("alone is an error", function()
    local result = expect(helper.prunner(make "", "--log-every-run"), 2, "")
    has("--log-every-run is for --joblog", result.err)
  end)
end)
