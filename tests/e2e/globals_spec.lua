--- Globals, and files beside the script, with the names of Lua's own and of modules that prunner needs:
-- prunner sees its own.

local helper = require "tests.e2e.helper"

-- Every global becomes something else: VALUE, before and after prunner is required.
local SCRIPT = [[
local write, format, tostring, ipairs = io.write, string.format, tostring, ipairs
local error, setmetatable = error, setmetatable
local names = {}
for name in pairs(_G) do
  if name ~= "_G" and name ~= "arg" then names[#names + 1] = name end
end
local prunner = require "prunner"
local cjson = require "cjson"
local opt = prunner.options { { "--depth", default = 3 } }
local sum, list, lock = prunner.counter "sum", prunner.collector "list", prunner.lock "lock"
local queue, d = prunner.get_manager():queue "queue", prunner.dict
local functions = {}
for i, name in ipairs(names) do
  _G[name] = VALUE
  functions[i] = VALUE
end
function work(n, t)
  sum:add(n)
  d.x = t
  d:update("y", function(v) return (v or 0) + 1 end)
  lock:with(function() d:incr "z" end)
  for _ in d:each() do end
  queue:put(n)
  queue:get(0.001)
  list:add { n }
end
function small(n) sum:add(n) end
function bad() error "no" end
function worker_begin() d.begun = true end
function worker_end() d.ended = true end
function on_error() d.error = true end
function begin()
  for i = 1, 10 do prunner.post_task(work, i, { i }) end
  for _ = 1, 5000 do prunner.post_task(small, 1) end
  prunner.post_many(work, { 1, 2 })
  if FUNCTIONS then
    for i = 1, #functions do prunner.post_task(functions[i], 1) end
  end
  prunner.post_task(bad)
  prunner.expect(4)
end
function end_()
  local left = FUNCTIONS and #functions or 0
  write(format("%d %d %d %d %s\n", sum:get() - left, #list:get(), d.z, opt.depth, tostring(cjson.other)))
end
]]

local function script(value, functions)
  return (SCRIPT:gsub("VALUE", value):gsub("FUNCTIONS", functions))
end

describe("a script with globals of Lua's names", function()
  after_each(helper.cleanup)

  local function run(text)
    local dir = helper.tmpdir()
    local path = dir .. "/job.lua"
    for _, name in ipairs { "cjson", "argparse", "socket" } do
      helper.write(dir .. "/" .. name .. ".lua", "return { other = 'mine' }")
    end
    helper.write(path, text)
    return dir, path
  end

  for what, text in pairs {
    ["that are values"] = script("true", "false"),
    ["that are tasks"] = script("function(n) sum:add(n) end", "true"),
  } do
    it(what .. ": works, with reports, failure records and modules of the script's own beside it", function()
      local dir, path = run(text)
      local result = helper.prunner(path, "-n", 2, "--failures", dir .. "/failures", "--report", dir .. "/report.json",
        "--state", dir .. "/state", "--joblog", dir .. "/joblog", "--depth", "7")
      assert.are.equal("5058 12 12 7 mine\n", result.out, result.err)
      assert.are.equal(1, result.status)
      assert.is_nil(result.err:find("--report", 1, true))
      assert.are.equal("{", helper.read(dir .. "/report.json"):sub(1, 1))

      result = helper.prunner(path, "-q", "--retry-failed", dir .. "/failures", "--report", dir .. "/report.html")
      assert.is_truthy(result.err:find("task bad() failed", 1, true), result.err)
      assert.is_truthy(helper.read(dir .. "/report.html"):find("</html>", 1, true))
    end)
  end

  it("may have replaced the functions of Lua's libraries, those that every string has among them", function()
    local dir, path = run [[
      local prunner = require "prunner"
      local print, error, pairs, type = print, error, pairs, type
      for _, name in pairs { "string", "table", "math", "io", "os", "debug", "coroutine", "package", "bit", "jit" } do
        local library, functions = _G[name], {}
        for key, value in pairs(library) do
          if type(value) == "function" then functions[key] = true end
        end
        for key in pairs(functions) do
          library[key] = function() error("the script's " .. key, 2) end
        end
      end
      local d, queue = prunner.dict, prunner.get_manager():queue "queue"
      function work(i)
        d[i] = { i }
        d:update("sum", function(v) return (v or 0) + i end)
        queue:put(i)
        queue:get(0.001)
        for _ in d:each() do end
        prunner.lock "lock":with(function() d:append("text", "x") end)
        if i == 3 then error { code = 3 } end
      end
      function begin()
        for i = 1, 3 do prunner.post_task(work, i) end
        prunner.post_many(work, { 4, 5 })
        prunner.post_once("key", work, 6)
      end
      function end_() print(d.sum, d.text, prunner.stats().failed) end
    ]]
    for _, options in ipairs {
      { "-n", 2, "--failures", dir .. "/failures", "--report", dir .. "/report.json", "--state", dir .. "/state" },
      { "--serial", "--report", dir .. "/report.html" },
      { "--keep-order", "--tag", "--joblog", dir .. "/joblog", "--profile", dir .. "/profile" },
    } do
      local result = helper.prunner(path, unpack(options))
      assert.are.equal("21\txxxxxx\t1\n", result.out, result.err)
      assert.is_nil(result.err:find("the script's", 1, true), result.err)
    end
    local result = helper.prunner(path, "--retry-failed", dir .. "/failures")
    assert.are.equal("3\tx\t1\n", result.out, result.err)
  end)

  it("names the file of a module that is another one", function()
    local dir, path = run "function begin() end"
    local result = helper.run({ "env", "LUA_PATH=" .. dir .. "/?.lua", "LUA_CPATH=/nowhere/?.so", helper.command,
      "--report", dir .. "/r.json", path })
    assert.are.equal(2, result.status)
    assert.is_truthy(result.err:find("cjson.lua is another one", 1, true), result.err)
  end)
end)

describe("prunner's modules", function()
  it("see the globals as they were, each of them", function()
    for path in io.popen("find '" .. helper.root .. "/lua/prunner' -name '*.lua'"):lines() do
      local text = helper.read(path)
      if not path:find "/globals%.lua$" and not path:find "/style%.lua$" then
        assert.is_truthy(text:find('\nsetfenv(1, require "prunner.globals")\n', 1, true), path)
      end
    end
  end)
end)
