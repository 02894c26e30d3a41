--- Failure records: --failures writes down what failed, --retry-failed posts it again.

local cjson = require "cjson"
local helper = require "tests.e2e.helper"
local expect, has = helper.expect, helper.has

local prelude = helper.deadly .. [[
  local fixed = os.getenv "FIXED"
]]

--- A script and the path of a file for its failure records.
local function make(text, name)
  local path = helper.script(prelude .. text, name)
  return path, helper.beside(path, "failures.jsonl")
end

local function records(path)
  local list = {}
  for line in helper.read(path):gmatch "([^\n]*)\n" do list[#list + 1] = cjson.decode(line) end
  table.sort(list, function(a, b) return a.task < b.task end)
  return list
end

local function retry(path, failures, status, out, ...)
  local words = { path, "-n", 2, "--retry-failed", failures, ... }
  words[#words + 1] = { env = { FIXED = 1 } }
  return expect(helper.prunner(unpack(words)), status, out)
end

describe("--failures", function()
  after_each(helper.cleanup)

  it("has a line for each task that failed for good or was quarantined", function()
    local path, failures = make [[
      function begin() prunner.post_task(middle) prunner.post_task(fine) end
      function middle()
        prunner.post_task(fails, 7, "text")
        prunner.post_task(dies, { 1 })
        prunner.post_task(leaves)
        prunner.post_task("slow")
      end
      function fine() io.stderr:write "all is well\n" end
      function fails() io.stderr:write("run ", prunner.attempt(), "\n") error("no luck", 0) end
      function dies() io.stderr:write "dying\n" die(11) end
      function leaves() os.exit(3) end
      prunner.task("slow", function() while true do end end, { timeout = 0.05, retries = 0 })
    ]]
    expect(helper.prunner(path, "-n", 2, "-q", "--failures", failures, "--retries", 1, "--max-crashes", 2), 1)
    local list = records(failures)
    assert.are.equal(4, #list)
    local dies, fails, leaves, slow = unpack(list)

    assert.are.equal("no luck", fails.error)
    assert.is_nil(fails.signal)
    assert.are.same({ 2, 2, '7, "text"', "middle", "run 2\n" },
      { fails.attempts, fails.errors, fails.arguments, fails.posted_by, fails.stderr })
    assert.are.equal(path, fails.script)
    assert.has_match("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", fails.time)
    assert.is_true(fails.id > 0)

    assert.are.same({ "SIGSEGV", nil, 2, 0, "dying\n" },
      { dies.signal, dies.error, dies.attempts, dies.errors, dies.stderr })
    assert.are.same({ nil, "os.exit(3)" }, { leaves.signal, leaves.error })
    assert.are.same({ nil, "it ran longer than allowed (--timeout, timeout)", 1, 1 },
      { slow.signal, slow.error, slow.attempts, slow.errors })
  end)

  it("is readable JSON whatever a task was given or wrote", function()
    local path, failures = make [[
      local bytes = {}
      for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
      bytes = table.concat(bytes)
      function begin() prunner.post_task(fails, bytes, "grün \226\130\172 \240\159\152\128") end
      function fails(text) io.stderr:write(text, "\n\237\160\128\n\192\128\n") error(text, 0) end
    ]]
    expect(helper.prunner(path, "-n", 1, "-q", "--failures", failures), 1)
    local record = records(failures)[1]
    has("grün €", record.arguments)
    assert.are.equal("\0\1\2", record.error:sub(1, 3))
    has('!"#', record.error)
    has([[\x80\x81]], record.error)
    has([[\xff]], record.error)
    has([[\xed\xa0\x80]], record.stderr)
    has([[\xc0\x80]], record.stderr)
  end)

  it("keeps the last whole lines of 4 KiB that the task wrote to stderr, also when it was killed",
    function()
      local path, failures = make [[
        function begin() prunner.post_task(before) end
        function before() io.stderr:write "of another task\n" prunner.post_task(dies) end
        function dies() for i = 1, 3000 do io.stderr:write("line ", i, "\n") end die(9) end
      ]]
      expect(helper.prunner(path, "-n", 1, "-q", "--failures", failures, "--max-crashes", 1), 1)
      local words = records(failures)[1].stderr
      assert.is_true(#words > 4000 and #words <= 4096)
      assert.has_match("^line %d+\n", words)
      assert.has_match("line 3000\n$", words)
    end)

  it("says nothing of what another task wrote", function()
    local path, failures = make [[
      function begin() prunner.post_task(before) end
      function before() io.stderr:write "of another task\n" prunner.post_task(silent) end
      function silent() error "x" end
    ]]
    expect(helper.prunner(path, "-n", 1, "-q", "--failures", failures), 1)
    assert.are.equal("", records(failures)[1].stderr)
  end)

  it("adds to the file, which is private, and ends a line that was cut", function()
    local path, failures = make [[
      function begin() for i = 1, 50 do prunner.post_task(fails, i) end end
      function fails(i) error(("x"):rep(i * 100), 0) end
    ]]
    expect(helper.prunner(path, "-n", 4, "-q", "--failures", failures), 1)
    assert.are.equal("600\n", helper.run({ "stat", "-c", "%a", failures }).out)
    assert.are.equal(50, #records(failures))
    helper.write(failures, helper.read(failures) .. '{"task":"cut')
    expect(helper.prunner(path, "-n", 4, "-q", "--failures", failures), 1)
    local n, good = 0, 0
    for line in helper.read(failures):gmatch "([^\n]*)\n" do
      n = n + 1
      if pcall(cjson.decode, line) then good = good + 1 end
    end
    assert.are.same({ 101, 100 }, { n, good })
  end)

  it("works with --serial too", function()
    local path, failures = make [[
      function begin() prunner.post_task(fails, 1) end
      function fails() error "x" end
    ]]
    expect(helper.prunner(path, "--serial", "-q", "--failures", failures), 1)
    assert.are.equal("fails", records(failures)[1].task)
  end)

  it("makes an empty file when nothing fails", function()
    local path, failures = make "function begin() end"
    expect(helper.prunner(path, "-q", "--failures", failures), 0)
    assert.are.equal("", helper.read(failures))
  end)

  it("that cannot be written is an error before the script runs", function()
    local path = make "print 'loaded'"
    local result = expect(helper.prunner(path, "--failures", "/nowhere/x"), 2, "")
    has('prunner: --failures: "/nowhere/x": No such file or directory\n', result.err)
  end)
end)

describe("--failures that cannot be written any more", function()
  after_each(helper.cleanup)

  local failing = [[
    function begin() for i = 1, 400 do prunner.post_task(fails, i, ("x"):rep(1000)) end end
    function fails() error("no luck", 0) end
    function end_() print "ended" end
  ]]

  --- Runs it by `how`, a line for the shell with COMMAND and FILE; expects that it is said once.
  local function lost(how, reason)
    for _, options in ipairs { "-n 3", "--serial" } do
      local path, failures = make(failing)
      local command = ("%s -q --failures %s %s %s"):format(helper.quote(helper.command), helper.quote(failures),
        options, helper.quote(path))
      local line = how:gsub("%u%u%u%u+", { COMMAND = command, FILE = helper.quote(failures) })
      local result = expect(helper.run(line, { timeout = 30 }), 1, "ended\n")
      local said = ('--failures: "%s" is not complete: %s. The first task that it lacks is #'):format(failures, reason)
      assert.are.equal(1, helper.count(said, result.err), result.err:sub(1, 2000))
    end
  end

  it("says so once when the reader of a pipe has gone", function()
    lost("mkfifo FILE; head -1 <FILE >/dev/null & exec COMMAND", "Broken pipe")
  end)

  it("says so once under a limit on the size of files", function()
    lost("ulimit -f 400; exec COMMAND", "File too large")
  end)

  it("waits for a reader that is slow, and gives it whole lines", function()
    local path, failures = make(failing)
    local line = ("mkfifo FILE; { sleep 0.3; cat; } <FILE >FILE.all & %s -q --failures FILE -n 3 %s; "
      .. "s=$?; wait; exit $s")
      :format(helper.quote(helper.command), helper.quote(path))
    local result = expect(helper.run((line:gsub("FILE", failures))), 1, "ended\n")
    helper.has_not("is not complete", result.err)
    assert.are.equal(400, #records(failures .. ".all"))
  end)
end)

describe("--retry-failed", function()
  after_each(helper.cleanup)

  local text = [[
    local Point = {}
    Point.__index = Point
    function helper(x) return x * 2 end
    local function quiet() end
    function begin()
      print "begin"
      local cyclic = {}
      cyclic.self = cyclic
      prunner.post_task(fails, 1, nil, "a\0b\255", { x = { 1.5, { y = true } } }, 10LL, cyclic, nil)
      prunner.post_task(dies, setmetatable({ 3 }, Point), helper, { helper, quiet, Point })
      prunner.post_task(fails)
      prunner.post_task(fine)
    end
    function Point:norm() return self[1] end
    function fine() print "fine" end
    function fails(...)
      if not fixed then error "x" end
      local one, none, bytes, deep, long, cyclic = ...
      if not one then return print(select("#", ...)) end
      print(select("#", ...), one, none, #bytes, deep.x[2].y, long == 10LL, cyclic.self == cyclic)
    end
    function dies(p, h, list)
      if not fixed then die(9) end
      print(p:norm(), h(4), list[1] == helper, list[2] == quiet, list[3] == Point)
    end
    function end_() print(prunner.stats().posted) end
  ]]

  it("posts them again, with their arguments, instead of begin", function()
    local path, failures = make(text)
    expect(helper.prunner(path, "-n", 2, "-q", "--failures", failures, "--max-crashes", 1), 1)
    local result = expect(helper.prunner(path, "-n", 1, "--retry-failed", failures,
      { env = { FIXED = 1 } }), 0)
    has("7\t1\tnil\t4\ttrue\ttrue\ttrue\n", result.out)
    has("3\t8\ttrue\ttrue\ttrue\n", result.out)
    has("0\n", result.out)
    has("3\n", result.out:match "[^\n]*\n$")
    assert.is_nil(result.out:find("begin", 1, true))
    assert.is_nil(result.out:find("fine", 1, true))
    assert.are.equal("", result.err)
  end)

  it("finds functions and classes by name after the script was changed", function()
    local path, failures = make(text)
    expect(helper.prunner(path, "-n", 2, "-q", "--failures", failures, "--max-crashes", 1), 1)
    local more = {}
    for i = 1, 50 do more[i] = ("function extra%d() end C%d = { __index = {} }"):format(i, i) end
    helper.write(path, prelude .. table.concat(more, "\n") .. "\n" .. text)
    has("3\t8\ttrue\ttrue\ttrue\n", retry(path, failures, 0).out)
  end)

  it("finds the script by its name, wherever it is, and leaves other scripts' lines alone", function()
    local path, failures = make(text, "one.lua")
    local other = make(text, "two.lua")
    expect(helper.prunner(path, "-n", 2, "-q", "--failures", failures, "--max-crashes", 1), 1)
    expect(helper.prunner(other, "-n", 2, "-q", "--failures", failures, "--max-crashes", 1), 1)
    local moved = make(text, "one.lua")
    local result = retry(moved, failures, 0)
    has("3\n", result.out:match "[^\n]*\n$")
    has("failures.jsonl: lines of other scripts, left alone: 3\n", result.err)
  end)

  it("may write what fails again to another file, not to the same", function()
    local path, failures = make(text)
    expect(helper.prunner(path, "-n", 2, "-q", "--failures", failures, "--max-crashes", 1), 1)
    local result = expect(helper.prunner(path, "--retry-failed", failures, "--failures", failures), 2)
    has("--retry-failed and --failures are the same file", result.err)
    result = expect(helper.prunner(path, "--retry-failed", failures, "--failures", "/." .. failures), 2)
    has("is what --retry-failed reads: give it another name", result.err)
    expect(helper.prunner(path, "-q", "--max-crashes", 1, "--retry-failed", failures, "--failures", failures .. "2"), 1)
    assert.are.equal(3, #records(failures .. 2))
  end)

  it("refuses what it cannot do, with the line, before anything runs", function()
    local path, failures = make [[
      function begin() end
      function work() print "worked" end
      function end_() print "ended" end
    ]]
    local good = cjson.encode {
      task = "work", script = path, data = "", refs = { functions = {}, classes = {} },
    }
    local function record(change)
      local l = cjson.decode(good)
      for k, v in pairs(change) do l[k] = v end
      return cjson.encode(l)
    end
    local none = cjson.decode "{}"
    local prunner_lock = { functions = none, classes = { ["3"] = "prunner.lock" } }
    for line, message in pairs {
      ["{"] = "is damaged: not a failure record",
      ["[1, 2"] = "is damaged: not a failure record",
      ["7"] = "is damaged: not a failure record",
      ["{}"] = "is damaged: not a failure record",
      [record { task = "gone" }] = 'is of the task "gone", which the script does not have',
      [record { task = 5 }] = "is damaged: it names no task",
      [record { data = "%%%%" }] = "is damaged: its data is not base64",
      [record { data = 5 }] = "is damaged: its data is not base64",
      [record { data = "0gE=" }] = "is damaged: its data does not fit", -- ends too early
      [record { data = "/////w==", refs = 5 }] = "is damaged: it has no list of its functions",
      [record { data = "zAU=" }] = "is damaged: its data does not fit its list of functions",
      [record { data = "zAU=", refs = { functions = { ["5"] = "gone" }, classes = none } }] =
        'needs the function "gone", which the script does not have',
      [record { refs = { functions = none, classes = { ["5"] = "Gone" } } }] =
        'needs the class "Gone", which the script does not have',
      [record { refs = { functions = { x = "work" }, classes = none } }] =
        "is damaged: a function without a number or name",
      [record { data = "1AM=", refs = prunner_lock }] = "holds an object of its own job (prunner.lock)",
      [record { data = "zwU=" }] = "is damaged: damaged bytes, at byte ", -- a table never seen
    } do
      helper.write(failures, good .. "\n\n" .. line .. "\n" .. good .. "\n")
      local result = expect(helper.prunner(path, "-n", 2, "--retry-failed", failures), 2, "")
      has(("prunner: --retry-failed: %s: line 3 %s"):format(failures, message), result.err)
    end
    helper.write(failures, good .. "\n" .. good .. "\n")
    retry(path, failures, 0, "worked\nworked\nended\n", "-n", 1)
  end)

  it("is an error without the file, or together with --resume", function()
    local path, failures = make "function begin() end"
    has("--retry-failed: " .. failures .. ": No such file", retry(path, failures, 2, "").err)
    has("leave one out", retry(path, failures, 2, "", "--resume", "x").err)
  end)

  it("says so when lua-cjson is missing", function()
    local path, failures = make "function begin() end"
    helper.write(failures, "")
    local result = helper.prunner("--retry-failed", failures, path, { env = { LUA_CPATH = "/nowhere/?.so" } })
    has("the Lua module cjson is needed to read the file (Debian: apt-get install lua-cjson)",
      expect(result, 2, "").err)
  end)

  it("is an error with a directory", function()
    local path = make "function begin() end"
    local dir = helper.directory(path)
    has("--retry-failed: " .. dir .. ": Is a directory", retry(path, dir, 2, "").err)
  end)

  it("with nothing to do says so", function()
    local path, failures = make "function work() end"
    helper.write(failures, "")
    has("has no task of", retry(path, failures, 0, "").err)
  end)
end)
