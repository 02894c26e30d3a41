--- The public names: all are documented for ldoc, and editor/meta/prunner.lua declares just these.
local prunner = require "prunner"
local lines_of = require("tests.e2e.helper").lines_of

-- "a b ..." for function(a, b, ...)
local function parameters(fn)
  local info, names = debug.getinfo(fn, "u"), {}
  for i = 1, info.nparams do names[i] = debug.getlocal(fn, i) end
  if info.isvararg then names[#names + 1] = "..." end
  return table.concat(names, " ")
end

-- The methods of each kind of handle.
local function class_of(module, name)
  for _, class in ipairs(require("prunner." .. module).classes) do
    if class.__name == name then return class end
  end
  error("no class " .. name)
end
local classes = {
  Counter = class_of("accumulators", "prunner.counter"),
  Max = class_of("accumulators", "prunner.max"),
  Min = class_of("accumulators", "prunner.min"),
  Collect = class_of("accumulators", "prunner.collector"),
  Lock = class_of("lock", "prunner.lock"),
  Manager = class_of("manager", "prunner.manager"),
  Value = class_of("manager", "prunner.value"),
  Queue = class_of("manager", "prunner.queue"),
  Dict = require("prunner.dict").methods,
  ParallelTaskRunner = prunner.ParallelTaskRunner,
  RunnerQueue = class_of("runner", "prunner.runner.queue"),
  Pool = class_of("pool", "prunner.pool"),
  Pipe = class_of("pipe", "prunner.pipe"),
}

-- These take further arguments only to refuse them.
local REFUSE = {
  post_many = true, task = true, commit = true, range = true,
  sh = true, execute = true, popen = true, quote = true, pool = true, sleep = true, wait_fd = true,
  constant = true, cursor = true, expect = true, init = true, lock = true, socket_patch = true,
  counter = true, max = true, min = true, collector = true,
  ["Counter:get"] = true, ["Max:get"] = true, ["Min:get"] = true, ["Collect:get"] = true,
  ["Dict:len"] = true, ["Dict:each"] = true, ["Value:get"] = true, ["Queue:get"] = true, ["Queue:len"] = true,
  ["Manager:dict"] = true, ["Manager:lock"] = true, ["Manager:value"] = true, ["Manager:queue"] = true,
}
local function without_refused(name, parameters_)
  return REFUSE[name] and parameters_:gsub(" ?%.%.%.$", "") or parameters_
end

-- These take `...` only to tell a nil that was given from one that was not.
local given = { ["Counter:add"] = "n", ["Dict:incr"] = "k n", ["Value:incr"] = "n" }

-- Each name there is: its parameters; false: it is no function.
local function public()
  local found = {}
  for name, value in pairs(prunner) do
    -- A class is documented by its methods.
    if not classes[name] then found[name] = type(value) == "function" and parameters(value) end
    if found[name] then found[name] = without_refused(name, found[name]) end
  end
  for class, methods in pairs(classes) do
    for name, value in pairs(methods) do
      if not name:find "^__" then
        -- Without self, and without what is there to refuse one argument too many.
        local names = parameters(value):gsub("^%w+ ?", ""):gsub("^extra$", ""):gsub(" extra$", "")
        local called = class .. ":" .. name
        found[called] = given[called] or without_refused(called, names)
      end
    end
  end
  return found
end

local function same_names(expected, got, what_to_do)
  for name in pairs(expected) do assert(got[name] ~= nil, name .. " is missing: " .. what_to_do) end
  for name in pairs(got) do assert(expected[name] ~= nil, name .. " is there, but does not exist") end
end

describe("the API reference", function()
  local documented, bare = {}, {}
  local make = [[LUA_PATH="$PWD/tests/?.lua;;" MAKEFLAGS= make -s docs LDOC_FLAGS='--filter api_names.dump']]
  for _, line in ipairs(lines_of(make .. " 2>&1")) do
    local name, names, missing = line:match "^([^|]+)|([^|]*)|(.*)$"
    if name then documented[name], bare[name] = names, missing end
  end

  it("has every public name, and no other", function()
    same_names(public(), documented, "give it a comment for ldoc (---, @tparam, @treturn, @raise); a new "
      .. "module has to be in API_PARTS in the Makefile")
  end)

  it("has the parameters that there are", function()
    for name, expected in pairs(public()) do
      if expected then assert.are.equal(expected, documented[name], name) end
    end
  end)

  it("describes all of them", function()
    for name, missing in pairs(bare) do assert.are.equal("", missing, name) end
  end)
end)

describe("editor/meta/prunner.lua", function()
  local declared, fields = {}, {}
  local class
  for line in io.lines "editor/meta/prunner.lua" do
    local name, names = line:match "^function ([%w_.:]+)%((.-)%) end$"
    if name then declared[name:gsub("^prunner%.", "")] = names:gsub(",", "") end
    class = line:match "^%-%-%-@class ([%w_.]+)" or line:find "^%-%-%-@field" and class
    local field = line:match "^%-%-%-@field ([%w_]+)"
    if field and class == "prunner" then fields[field] = true end
  end

  it("declares every public name, and no other", function()
    local names = public()
    names.ParallelTaskRunner = false
    for name, value in pairs(names) do
      if not value then
        assert(fields[name], name .. " is missing")
        names[name], fields[name] = nil, nil
      end
    end
    assert.is_nil(next(fields))
    same_names(names, declared, "declare it in editor/meta/prunner.lua")
  end)

  it("names the parameters as the reference does", function()
    for name, names in pairs(public()) do
      if names then
        assert.are.equal(names, declared[name], "parameters of " .. name .. " in editor/meta/prunner.lua")
      end
    end
  end)

  it("is Lua", function()
    assert(loadfile "editor/meta/prunner.lua")
  end)
end)
