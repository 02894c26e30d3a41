--- The layers of engine/ (engine/README.md): a file includes files of its own folder and of lower
-- ranks only. Read off the #include lines.

local helper = require "tests.e2e.helper"

-- Lowest first. `monitor` and `output` have one rank: neither includes the other.
local RANKS = {
  base = 0, codec = 1, memory = 2, store = 3, task = 4, job = 5, monitor = 6, output = 6,
  worker = 7, supervisor = 8, lua = 9, cli = 10,
}

-- "file.c includes.h" = the reason why.
local EXCEPTIONS = {}

-- Beside its own folder and base/, cli/ sees the library's face only.
local CLI_SEES = {
  ["job/config.h"] = true,              -- what the command line fills in
  ["job/options.h"] = true,             -- the table of options
  ["monitor/metrics_layout.h"] = true,  -- a running job's metrics, which top reads
  ["monitor/metrics_read.h"] = true,
  ["supervisor/control_dir.h"] = true,  -- where jobs listen for prunner ctl
  ["supervisor/control_request.h"] = true,
  ["lua/host.h"] = true,                -- runs the script
}

-- In these nothing of Lua's is known, whether included directly or through a header.
local WITHOUT_LUA = { "base", "memory", "store", "task", "job" }

local function read(path)
  return assert(helper.read(path), path .. " cannot be read")
end

local files = {} -- "task/post.c" -> what it includes: { "task/post.h", "<errno.h>", ... }
for _, path in ipairs(helper.lines_of "ls engine/*/*.[ch]") do
  local included = {}
  for name in ("\n" .. read(path)):gmatch '\n#include "([^"]+)"' do included[#included + 1] = name end
  for name in ("\n" .. read(path)):gmatch "\n#include (<[^>]+>)" do included[#included + 1] = name end
  files[path:match "^engine/(.*)"] = included
end

local function folder_of(file) return file:match "^(.*)/" end

--- Calls visit(file, included) for each #include of a file of ours.
local function each_edge(visit)
  for file, included in pairs(files) do
    for _, other in ipairs(included) do
      if files[other] then visit(file, other) end
    end
  end
end

--- How `file` comes to include a header of Lua's: "a.c -> b.h -> <lua.h>"; nil: it does not.
local function way_to_lua(file, seen)
  if seen[file] then return nil end
  seen[file] = true
  for _, other in ipairs(files[file]) do
    if other:find "^<lu?a" or other:find "^<lauxlib" then return file .. " -> " .. other end
    local way = files[other] and way_to_lua(other, seen)
    if way then return file .. " -> " .. way end
  end
end

local function none(list)
  table.sort(list)
  assert(#list == 0, "\n" .. table.concat(list, "\n"))
end

describe("engine/", function()
  it("has a rank for each of its folders, and a README in each", function()
    local found = helper.lines_of "ls -d engine/*/"
    for _, dir in ipairs(found) do
      local folder = dir:match "^engine/(.*)/$"
      assert(RANKS[folder], folder .. " has no rank")
      assert.is_true(#read(dir .. "README.md") > 200)
    end
    local n = 0
    for _ in pairs(RANKS) do n = n + 1 end
    assert.are.equal(n, #found)
  end)

  it("names in each README what lies there, and nothing else", function()
    local wrong = {}
    for folder in pairs(RANKS) do
      local readme, there = read("engine/" .. folder .. "/README.md"), {}
      for file in pairs(files) do
        local module = file:match("^" .. folder .. "/(.*)%.[ch]$")
        if module then there[module] = true end
      end
      local named = {}
      for cell in readme:gmatch "\n| ([^|]*) |" do
        for name in cell:gmatch "`([%w_]+)[%.ch]*`" do
          named[name] = true
          if not there[name] then wrong[#wrong + 1] = folder .. "/README.md names " .. name end
        end
      end
      for module in pairs(there) do
        if not named[module] then wrong[#wrong + 1] = folder .. "/README.md does not name " .. module end
      end
    end
    none(wrong)
  end)

  it("includes files by their folder, and only files that exist", function()
    local wrong = {}
    for file, included in pairs(files) do
      for _, other in ipairs(included) do
        if not other:find "^<" and not files[other] and other ~= "bytecode.inc" then
          wrong[#wrong + 1] = file .. " includes " .. other
        end
      end
    end
    none(wrong)
  end)

  it("is in layers: a file includes its own folder and lower ranks only", function()
    local wrong, needed = {}, {}
    each_edge(function(file, other)
      local from, to = folder_of(file), folder_of(other)
      if from ~= to and RANKS[to] >= RANKS[from] then
        local edge = file .. " " .. other
        needed[edge] = true
        if not EXCEPTIONS[edge] then wrong[#wrong + 1] = file .. " includes " .. other end
      end
    end)
    for edge in pairs(EXCEPTIONS) do
      if not needed[edge] then wrong[#wrong + 1] = "not needed any more: " .. edge end
    end
    none(wrong)
  end)

  it("knows nothing of Lua in " .. table.concat(WITHOUT_LUA, ", "), function()
    local wrong = {}
    for _, folder in ipairs(WITHOUT_LUA) do
      for file in pairs(files) do
        if folder_of(file) == folder then wrong[#wrong + 1] = way_to_lua(file, {}) end
      end
    end
    none(wrong)
  end)

  it("has a command that sees the library's face only", function()
    local wrong = {}
    each_edge(function(file, other)
      local to = folder_of(other)
      if folder_of(file) == "cli" and to ~= "cli" and to ~= "base" and not CLI_SEES[other] then
        wrong[#wrong + 1] = file .. " includes " .. other
      end
    end)
    none(wrong)
  end)
end)

describe("lua/prunner", function()
  it("calls no method of strings, which a script may have replaced", function()
    local wrong, names = {}, {}
    for name in pairs(string) do
      if name ~= "len" then names[#names + 1] = name end -- dicts and queues have one of ours
    end
    for _, path in ipairs(helper.lines_of "find lua/prunner -name '*.lua'") do
      for line in read(path):gmatch "[^\n]+" do
        for _, name in ipairs(names) do
          local at = not line:find "^%s*%-%-" and not line:find "^function "
            and line:find("[%w_%)%]\"']:" .. name .. "[%s%(\"'{]")
          if at then wrong[#wrong + 1] = path .. ": " .. line end
        end
      end
    end
    assert.are.same({}, wrong)
  end)
end)
