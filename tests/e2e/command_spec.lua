--- The command: its options, how it finds and loads the script, what the script sees.

local helper = require "tests.e2e.helper"
local expect, prunner, script, has = helper.expect, helper.prunner, helper.script, helper.has

--- Runs `text` with `prunner -n 2`; a table at the end is the options of spawn().
local function job(text, ...)
  return prunner(script(text), "-n", 2, ...)
end

--- Says what is wrong with the command line.
local function refused(message, ...)
  local result = expect(prunner(...), 2, "")
  has(message, result.err)
end

local hello = [[ function end_() print "hello" end function begin() end ]]

describe("prunner", function()
  after_each(helper.cleanup)

  it("prints its version and how it is used", function()
    local result = expect(prunner("--version"))
    assert.has_match("^prunner %d+%.%d+%.%d+ %(LuaJIT 2%.[^\n]*%)\n$", result.out)
    result = expect(prunner("--help"))
    has("usage: prunner [options] script.lua", result.out)
    result = expect(helper.run({ helper.command }), 2, "")
    has("usage: prunner [options] script.lua", result.err)
    has("no script given", result.err)
    refused("the script's name is empty", "")
  end)

  it("shows with -h what a newcomer needs, and where the rest is", function()
    local all, few = expect(prunner("--help")).out, expect(prunner("-h")).out
    local n = 0
    for line in few:gmatch("\n( +%-[^\n]+)") do
      has("\n" .. line .. "\n", all)
      n = n + 1
    end
    assert.is_true(n >= 8 and n <= 14, n .. " options shown")
    has("usage: prunner [options] script.lua", few)
    has("\n  prunner new job.lua ", few)
    local _, count = all:match("^.-\n\nOther commands"):gsub("\n +%-?%l?,? ?%-%-%l", "")
    has(("\nprunner --help shows all %d options and the other commands.\n"):format(count), few)
  end)

  it("tests every option that --help shows", function()
    local this = helper.run("cat " .. helper.quote(helper.root) .. "/tests/e2e/*_spec.lua").out
    local n = 0
    for option in expect(prunner("--help")).out:gmatch("\n +%-?%l?,? ?(%-%-[%l%-]+)") do
      assert.is_truthy(this:find('"' .. option .. '"', 1, true), option)
      n = n + 1
    end
    assert.is_true(n >= 15, n .. " options seen")
  end)

  it("takes -n in every form, before and after the script", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() end
      function end_() print(prunner.nworkers(), #arg, prunner.stats().posted) end
    ]]
    for _, words in ipairs {
      { "-n", "3", path }, { "-n3", path }, { "--nprocess", "3", path }, { "--nprocess=3", path },
      { path, "-n", "3" }, { path, "-n3" }, { path, "--nprocess", "3" }, { path, "--nprocess=3" },
      { "-n", "5", path, "-n", "3" },
    } do
      expect(prunner(unpack(words)), 0, "3\t0\t0\n")
    end
  end)

  it("uses the CPUs this process may use unless told otherwise", function()
    local path = script [[ function begin() end
      function end_() print(require("prunner").nworkers()) end ]]
    local n = expect(helper.run "nproc").out
    assert.is_true(tonumber(expect(prunner(path)).out) <= tonumber(n))
    expect(helper.run({ "taskset", "-c", 0, helper.command, path }), 0, "1\n")
  end)

  it("refuses numbers, sizes, times and rules that are none", function()
    local path = script(hello)
    for _, n in ipairs { "0", "-1", "4001", "x", "1.5", "", "3x", " 3", "99999999999999999999" } do
      refused('-n: "' .. n .. '" is not a number of workers (1 to 4000)', path, "-n", n)
    end
    refused('--retries: "-1" is not a number of retries (0 to 254)', path, "--retries", "-1")
    refused('--max-crashes: "0" is not a number of crashes (1 to 255)', path, "--max-crashes", "0")
    refused('--max-crashes: "256"', path, "--max-crashes=256")
    refused('--max-tasks: "0" is not a number of tasks', path, "--max-tasks", "0")
    refused('--max-rss: "1X" is not a size in bytes (such as 64M or 2G)', path, "--max-rss", "1X")
    refused('--lua-memory: "0" is not a size in bytes (such as 64M or 2G)', path, "--lua-memory", "0")
    refused("--failures: a value is missing, such as --failures failed.jsonl", path, "--failures")
    refused("--retry-failed: a value is missing, such as --retry-failed failed.jsonl", path, "--retry-failed")
    refused("--output-dir: a value is missing, such as --output-dir results", path, "--output-dir")
    refused('--output-dir: "" is not a directory\'s name', path, "--output-dir", "")
    refused("--tag takes no value", path, "--tag=x")
    refused("--group takes no value", path, "--group=yes")
    for _, option in ipairs { "--keep-order", "--output-dir" } do
      refused("--line-buffer shows lines as they come, " .. option, path, "--group", "--line-buffer",
        option, option == "--output-dir" and "x" or nil)
    end
    refused('--memory: "" is not a size', path, "--memory", "")
    refused('--timeout: "0" is not a time in seconds', path, "--timeout", "0")
    refused('--timeout: "1s" is not a time in seconds', path, "--timeout", "1s")
    refused('--order: "random" is not an order (fifo or lifo)', path, "--order", "random")
    for _, rule in ipairs { "now", "now,fail", "now,fail=0", "soon,fail=101%", "later,fail=1", "" } do
      refused('--halt: "' .. rule .. '" is not a rule', path, "--halt", rule)
    end
    refused('--tmpdir: "/missing": No such file', path, "--tmpdir", "/missing")
    refused('"' .. path .. '" is not a directory', path, "--tmpdir", path)
    for _, option in ipairs { "--state", "--resume" } do
      refused(option .. ': "/missing/x" cannot be opened: No such file or directory', path, option,
        "/missing/x")
    end
    refused("-n: a value is missing, such as -n 10", path, "-n")
    refused("--halt: a value is missing, such as --halt now,fail=1", path, "--halt")
    refused("--timeout kills worker processes, and --serial has none", path, "--serial",
      "--timeout", "1")
  end)

  it("knows the shells of --completion", function()
    refused('--completion: "ksh" is not a shell (bash, zsh or fish)', "--completion", "ksh")
    refused("--completion: a value is missing, such as --completion bash", "--completion")
  end)

  it("refuses options it does not know, but hands over what follows --", function()
    local path = script [[
      function begin() end
      function end_() print(table.concat(arg, "|")) end
    ]]
    refused("unknown option --frobnicate: see prunner --help", path, "--frobnicate")
    refused("unknown option --frobnicate", "--frobnicate=5", path)
    refused('unknown option -x: see prunner --help', path, "-x")
    refused("--serial takes no value", path, "--serial=1")
    refused("short for more than one option: ", "--m", "1", path)
    expect(prunner(path, "--", "--frobnicate", "-x", "--help", "-n", "0"), 0,
      "--frobnicate|-x|--help|-n|0\n")
    expect(prunner(path, "a", "-n", 2, "b", "--", "-n", "--", "c"), 0, "a|b|-n|--|c\n")
    expect(prunner("-n", 2, "--", path, "-n"), 0, "-n\n")
    expect(prunner(path, "", "a b", "-"), 0, "|a b|-\n")
  end)

  it("gives the script arg as luajit does, and as ...", function()
    local path = script [[
      local given = select("#", ...) .. table.concat({ ... }, "|")
      function begin() end
      function end_() print(arg[0], given, arg[1], arg[2], #arg) end
    ]]
    expect(prunner(path, "x", "y"), 0, path .. "\t2x|y\tx\ty\t2\n")
    local seen = script("print(arg[-1])")
    assert.are.equal(helper.command .. "\n", prunner(seen).out)
  end)

  it("runs a script without .lua, in a directory with spaces, with modules beside it", function()
    local dir = helper.tmpdir() .. "/a directory with 'quotes'"
    helper.run({ "mkdir", "-p", dir .. "/pack" })
    helper.write(dir .. "/beside.lua", "return { name = 'beside' }")
    helper.write(dir .. "/pack/init.lua", "return { name = 'pack' }")
    helper.write(dir .. "/a job", [[
      local prunner, beside = require "prunner", require "beside"
      function begin() prunner.post_task(work, require("pack").name) end
      function work(name) print(beside.name, name) end
    ]])
    expect(prunner(dir .. "/a job", "-n", 2), 0, "beside\tpack\n")
    expect(prunner("a job", "-n", 2, { cwd = dir }), 0, "beside\tpack\n")
    expect(prunner("./a job", "-n", 2, { cwd = dir }), 0, "beside\tpack\n")
  end)

  it("reads a script from standard input", function()
    local text = [[
      local prunner = require "prunner"
      function begin() prunner.post_task(work, arg[0], arg[1]) end
      function work(...) print(...) end
    ]]
    expect(prunner("-n", 2, "-", "x", { stdin = text }), 0, "-\tx\n")
    local result = expect(prunner("-", { stdin = "x = = 1" }), 2, "")
    has("stdin:1:", result.err)
  end)

  it("is the interpreter of a script that says so", function()
    local dir = helper.tmpdir()
    local path = helper.write(dir .. "/job", "#!/usr/bin/env prunner\n" .. [[
      function begin() require("prunner").post_task(work, arg[1]) end
      function work(v) print(v) end
    ]])
    expect(helper.run({ "chmod", "+x", path }))
    local bin = helper.directory(helper.command)
    expect(helper.run({ path, "given", "-n", 3 }, { env = { PATH = bin .. ":" .. os.getenv("PATH") } }),
      0, "given\n")
    has(":2:", expect(prunner(helper.script("#!/usr/bin/env prunner\nx x", "bad")), 2).err)
  end)

  it("says what is wrong with a script", function()
    local result = expect(prunner("/missing.lua"), 2, "")
    has("prunner: cannot open /missing.lua", result.err)
    result = expect(prunner(helper.tmpdir()), 2, "")
    has("prunner: ", result.err)
    assert.is_nil(result.err:find("traceback"))

    local path = script "function begin(\n\nend"
    result = expect(prunner(path), 2, "")
    has("prunner: " .. path .. ":3: ", result.err)

    path = script "local function load_it()\n  error 'no luck'\nend\nload_it()"
    result = expect(prunner(path), 2, "")
    has(path .. " failed: " .. path .. ":2: no luck", result.err)
    has(path .. ":4: in main chunk", result.err)

    path = script "error({ code = 5 })"
    result = expect(prunner(path), 2, "")
    has("(error value: {code = 5})", result.err)

    result = expect(prunner(script "require 'no.such.module'"), 2, "")
    has("module 'no.such.module' not found", result.err)

    result = expect(prunner(script "begin = 5"), 2, "")
    has("prunner: begin must be a function, it is a number", result.err)
    result = expect(prunner(script "return { ['end'] = 'x' }"), 2, "")
    has("prunner: end_ must be a function, it is a string", result.err)
    result = expect(prunner(script "\27LJ garbage"), 2, "")
    has("prunner: ", result.err)
  end)

  it("takes hooks from globals", function()
    expect(job [[
      local prunner = require "prunner"
      local n = prunner.counter "n"
      function begin() print "begin" prunner.post_task(work) end
      function worker_begin() n:add(0) prunner.dict:incr "began" end
      function worker_end() prunner.dict:incr "ended" end
      function work() prunner.dict:incr "worked" end
      function end_()
        local d = prunner.dict
        print(d.began, d.worked, d.ended)
      end
    ]], 0, "begin\n2\t1\t2\n")
  end)

  it("takes end from _G too", function()
    expect(job [[ function begin() end _G["end"] = function() print "end" end ]], 0, "end\n")
    expect(job [[ function begin() end _G["end"] = function() print "end" end
      function end_() print "end_" end ]], 0, "end_\n")
  end)

  it("takes hooks from a table that the script returns, and defines no globals", function()
    expect(job [[
      local prunner = require "prunner"
      local M = {}
      local function work(n) prunner.dict:incr("sum", n) end
      function M.begin() for i = 1, 10 do prunner.post_task(work, i) end end
      M["end"] = function() print(prunner.dict.sum, rawget(_G, "begin")) end
      return M
    ]], 0, "55\tnil\n")
    expect(job [[ local f = function() print "once" end return { begin = f, end_ = f } ]], 0,
      "once\nonce\n")
  end)

  it("lets a script require the module wherever it likes", function()
    expect(job [[
      function begin() require("prunner").post_task(work) end
      function work() require("prunner").dict.x = "seen" end
      function end_() print(require("prunner").dict.x) end
    ]], 0, "seen\n")
    expect(job [[
      function begin() end
      function end_() print(require("prunner").dict:len()) end
    ]], 0, "0\n")
  end)

  it("runs a job that init and start describe, once", function()
    local text = [[
      local prunner = require "prunner"
      function begin() print("begin", prunner.nworkers()) prunner.post_task(work) end
      function work() prunner.dict.done = true end
      function end_() print("end", prunner.dict.done) end
      prunner.init(3, false, begin, end_)
      local s = prunner.start()
      print(s.posted, s.finished, s.failed, s.workers, s.status)
      print(pcall(prunner.start))
    ]]
    local after = "1\t1\t0\t%d\t0\nfalse\tstart: the job was run already; there is one a process\n"
    local path = script(text)
    expect(prunner(path), 0, "begin\t3\nend\ttrue\n" .. after:format(3))
    expect(prunner(path, "-n", 2), 0, "begin\t2\nend\ttrue\n" .. after:format(2))
    expect(helper.luajit(path), 0, "begin\t3\nend\ttrue\n" .. after:format(3))
  end)

  it("refuses a second start", function()
    local result = expect(prunner(script [[
      local prunner = require "prunner"
      prunner.init(1, false, function() end)
      prunner.start()
      prunner.start()
    ]]), 2)
    has("script.lua:4: start: the job was run already; there is one a process", result.err)
  end)

  it("runs objects of the class API", function()
    local path = script [[
      local prunner = require "prunner"
      local Runner = prunner.ParallelTaskRunner:extend()
      function Runner:begin(options)
        self.dict_.sum = 0
        for i = 1, options.n do self.queue:put(prunner.Task("add", { n = i })) end
      end
      function Runner:worker_begin() self.dict_:incr "workers" end
      function Runner:run(task)
        if task.label == "bad" then error "bad" end
        if task.label == "add" and task.data.n == 5 then self.queue:put(prunner.Task("bad")) end
        if task.label == "add" then
          self.lock:with(function() self.dict_.sum = self.dict_.sum + task.data.n end)
        end
      end
      function Runner:on_error(task, err) self.dict_.err = task.name .. ": " .. err end
      function Runner:end_() print(self.dict_.sum, self.dict_.workers >= 1, self.dict_.err) end
      local s = Runner:new(3, false, { n = 10 }):start()
      print(s.posted, s.failed)
    ]]
    local out = "55\ttrue\tParallelTaskRunner.run: " .. path .. ":9: bad\n11\t1\n"
    expect(prunner(path), 1, out)
    expect(helper.luajit(path), 0, out)
    local result = expect(prunner(script [[
      local prunner = require "prunner"
      local Runner = prunner.ParallelTaskRunner:extend()
      function Runner:begin() self.queue:put(prunner.Task "x") end
      Runner:new(1):start()
    ]]), 1)
    has("needs a method run(task)", result.err)
  end)
end)
