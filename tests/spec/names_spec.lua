--- What documents and comments put in backquotes is there: functions, fields, options, files; so is
-- each file.c and function() that a comment names.

local helper = require "tests.e2e.helper"

-- Names that are none of ours, or are not to be found on purpose.
local ELSEWHERE = {
  ["script.lua"] = "an example",
  LUA_INIT = "Lua's environment variable",
  do_wait = "a function of the kernel", hrtimer_nanosleep = "a function of the kernel",
  TO_DO_IT = "what varies in a message",
  big_table = "of an example",
  sched_process_exit = "an event of the kernel", sched_process_fork = "an event of the kernel",
  set_aside = "a former name, in CHANGELOG.md",
}

local function files(what)
  return helper.lines_of("cd " .. helper.quote(helper.root) .. " && " .. what)
end

--- A source without its comments, since a comment is no witness of what it says itself.
local function code_of(text, path)
  if path:find "%.[ch]$" then return (text:gsub("/%*.-%*/", " "):gsub("//[^\n]*", " ")) end
  if path:find "%.lua$" then return (("\n" .. text):gsub("%-%-%[%[.-%]%]", " "):gsub("%-%-[^\n]*", " ")) end
  return text
end

--- Its comments, one after the other.
local function comments_of(text, path)
  return coroutine.wrap(function()
    local pattern = path:find "%.lua$" and "%-%-([^\n]*)" or "/%*(.-)%*/"
    for comment in text:gmatch(pattern) do coroutine.yield(comment) end
  end)
end

--- All words of the sources, and of their file names.
local function words_of_sources()
  local words = {}
  for _, path in ipairs(files("find engine lua tests scripts bench editor make Makefile .ci debian -type f "
    .. "! -path 'tests/fuzz/*/*' ! -path 'bench/results/*' ! -name names_spec.lua")) do
    local text = path .. "\n" .. code_of(helper.read(helper.root .. "/" .. path) or "", path)
    for word in text:gmatch "[%a_][%w_]*" do
      words[word] = true
      words[word:match "^PRN_BUG_(.*)" or word] = true
    end
  end
  return words
end

local function exists(path)
  local file = io.open(helper.root .. "/" .. path)
  return file and file:close()
end

--- Calls fn(name) for each name in a text between backquotes that can be told from a word: one with
-- an underline, or a path that begins with a directory of ours.
local function each_name(quoted, fn)
  if quoted:find "^%l+/[%w_./-]+%.%l+$" then fn(quoted, true) end
  for name in quoted:gmatch "%f[%w_]([%a][%w_]*_[%w_]+)%f[^%w_]" do
    if name == name:lower() or name == name:upper() then fn(name:match "^D(PRN_.*)" or name) end
  end
end

describe("names in backquotes", function()
  it("are there", function()
    local words, seen, missing = words_of_sources(), 0, {}
    local pages = files "find README.md CHANGELOG.md docs engine lua -name '*.md' -o -name '*.[ch]' -o -name '*.lua'"
    for _, page in ipairs(pages) do
      local text = helper.read(helper.root .. "/" .. page):gsub("```.-```", "")
      for quoted in text:gmatch "`([^`\n]+)`" do
        each_name(quoted, function(name, is_path)
          seen = seen + 1
          local there = ELSEWHERE[name] or words[name]
          if is_path then
            local top = name:match "^%l+"
            there = exists(name) or exists("engine/" .. name) or top == "build" or not exists(top)
          end
          if not there then missing[#missing + 1] = page .. ": " .. name end
        end)
      end
    end
    assert.is_true(seen > 500, seen .. " names")
    assert.are.same({}, missing)
  end)
end)

describe("files and functions that comments name", function()
  it("are there", function()
    local words, seen, missing = words_of_sources(), 0, {}
    local names = {}
    for _, path in ipairs(files "find . -path ./build -prune -o -type f -print") do
      names[path:match "[^/]+$"] = true
    end
    for _, path in ipairs(files "find engine lua -name '*.[ch]' -o -name '*.lua'") do
      for comment in comments_of(assert(helper.read(helper.root .. "/" .. path)), path) do
        local function check(name, there)
          seen = seen + 1
          if not there and not ELSEWHERE[name] then missing[#missing + 1] = path .. ": " .. name end
        end
        for name in comment:gmatch "%f[%w_][%l_%d]+%.[%l]+%f[^%w_]" do
          if name:find "%.[ch]$" or name:find "%.lua$" or name:find "%.md$" then check(name, names[name]) end
        end
        for name in comment:gmatch "([%a_][%w_]*)%(%)" do check(name, words[name]) end
      end
    end
    assert.is_true(seen > 500, seen .. " names")
    assert.are.same({}, missing)
  end)
end)
