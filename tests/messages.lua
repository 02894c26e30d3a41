--- The messages of the engine, found in its sources, and the entries of docs/messages.md.
--
--   local messages = require "messages"
--   for _, m in ipairs(messages.of("engine/job/halt.c", text)) do print(m.file, m.line, m.text) end
--
-- A source is cut into its words; each string is kept with the calls it stands in. Strings side by
-- side, which the compiler joins, are one; so are those that Lua's `..` joins.
--
-- A string is a message if it is given to a function that says something to users, whatever is
-- around it (`a ? "x" : "y"`, string.format); and wherever it stands if it reads like a sentence,
-- since words are also returned, or handed to functions that this file has never heard of.

local messages = {}

---------------------------------------------------------------------------------------------------
-- Words
---------------------------------------------------------------------------------------------------

local ESCAPES = { n = "\n", t = "\t", r = "\r", ["0"] = "\0", ["\n"] = "\n" }

-- A quoted string that begins at `at`; its contents and where it ends.
local function quoted(text, at)
  local quote, i, out = text:sub(at, at), at + 1, {}
  while true do
    local ch = text:sub(i, i)
    if ch == quote then return table.concat(out), i end
    if ch == "" then error("a string is never closed") end
    if ch == "\\" then
      i = i + 1
      ch = text:sub(i, i)
      ch = ESCAPES[ch] or ch
    end
    out[#out + 1] = ch
    i = i + 1
  end
end

--- Each language: what is skipped, as patterns anchored at the position; what begins a string.
local LANGUAGES = {
  c = {
    skip = { "^%s+", "^/%*.-%*/", "^//[^\n]*", "^#%s*include[^\n]*",
      '^#%s*define%s+[%w_]+%s+"[^\n]*', -- a name for a word; where it is used it counts
      "^\\\n", "^'\\?[^\n]-'" },
    long = nil,
    joins = { [""] = true },
  },
  lua = {
    skip = { "^%s+", "^%-%-%[%[.-%]%]", "^%-%-[^\n]*" },
    long = "^%[(=*)%[",
    joins = { [".."] = true },
  },
}

local function skipped(text, at, patterns)
  for _, pattern in ipairs(patterns) do
    local _, last = text:find(pattern, at)
    if last then return last + 1 end
  end
end

-- The word at `at`: { kind, text, line = } and where it ends.
local function word_at(text, at, language)
  local ch = text:sub(at, at)
  if ch == '"' or (ch == "'" and language == LANGUAGES.lua) then
    local contents, last = quoted(text, at)
    return "string", contents, last
  end
  local level = language.long and text:match(language.long, at)
  if level then
    local _, last, contents = text:find("^%[" .. level .. "%[(.-)%]" .. level .. "%]", at)
    return "string", contents, last
  end
  local _, last, name = text:find("^([%a_][%w_]*)", at)
  if name then return "name", name, last end
  _, last, name = text:find("^(%.%.)", at)
  if name then return "mark", name, last end
  _, last, name = text:find("^([%d][%w.]*)", at)
  if name then return "number", name, last end
  return "mark", ch, at
end

local function words_of(text, language)
  local words, at, line, counted = {}, 1, 1, 1
  while at <= #text do
    local after = skipped(text, at, language.skip)
    if not after then
      local kind, contents, last = word_at(text, at, language)
      for _ in text:sub(counted, at - 1):gmatch "\n" do line = line + 1 end
      counted = at
      words[#words + 1] = { kind = kind, text = contents, line = line }
      after = last + 1
    end
    at = after
  end
  return words
end

---------------------------------------------------------------------------------------------------
-- Strings, with the calls around them
---------------------------------------------------------------------------------------------------

-- PRIu64 and the like stand between two strings for one conversion.
local function is_conversion(word)
  return word and word.kind == "name" and word.text:find "^PRI"
end

-- The string that begins with word i, joined with those that follow; and the last word of it.
local function joined(words, i, language)
  local text = words[i].text
  while true do
    local next_word = words[i + 1]
    if not next_word then return text, i end
    if is_conversion(next_word) then
      i = i + 1
      text = text .. "u"
    elseif language.joins[""] and next_word.kind == "string" then
      i = i + 1
      text = text .. next_word.text
    elseif language.joins[next_word.text] and next_word.kind == "mark" then
      local other = words[i + 2]
      if not other or other.kind ~= "string" then return text .. "%s", i end
      i = i + 2
      text = text .. other.text
    else
      return text, i
    end
  end
end

-- Every string of a source: { text =, line =, file =, calls = { name = true }, before = a word }.
local function strings_of(file, text, language)
  local words = words_of(text, language)
  local found, open, i = {}, {}, 1
  while i <= #words do
    local word, before = words[i], words[i - 1] or { text = "" }
    if word.kind == "string" then
      local s = { line = word.line, file = file, calls = {}, before = before.text }
      for _, name in ipairs(open) do s.calls[name] = true end
      if before.kind == "name" then s.calls[before.text] = true end -- match "..."
      s.text, i = joined(words, i, language)
      found[#found + 1] = s
    elseif word.text:find "^[({%[]$" then
      local name = word.text == "(" and before.kind == "name" and before.text or ""
      -- What goes to a stream is said to users if the stream is stderr.
      if name == "fprintf" and words[i + 1].text == "stderr" then name = "complain" end
      -- A table of C: what options are called, what they are for.
      if word.text == "{" and language == LANGUAGES.c and before.text:find "^[={,]$" then name = "{" end
      open[#open + 1] = name
    elseif word.text:find "^[)}%]]$" then
      open[#open] = nil
    end
    i = i + 1
  end
  return found
end

---------------------------------------------------------------------------------------------------
-- Which of them are messages
---------------------------------------------------------------------------------------------------

-- Whatever is given to these is said to users.
local SAYS = {
  log_error = true, log_warn = true, complain = true, refuse = true, fail = true, asprintf = true,
  help_complain = true, wrong = true,
  luaL_error = true, luaL_argerror = true, luaL_argcheck = true, luaL_checkstack = true,
  binding_fail_codec = true, binding_push_codec = true, lua_pushfstring = true, lua_pushliteral = true,
  error = true, warn = true,
}

-- What a value has to be, in the rows of options: `"X" is not an order`.
local NOUNS = { COUNT = true, COUNT64 = true, CHOICE = true }

--- Calls whose strings are no messages, and why. Few: what users read belongs on the page.
messages.silent = {
  ["{"] = "a table of C: names and help of options",
  add = "a piece of the progress that is shown: figures",
  description = "help", set = "a list of names",
  log_debug = "told with --debug only: the lives of workers, nothing to act on",
  DAMAGED = "names the part of a state file that is damaged; the page has the sentence around it",
  damaged = "names the damage inside an encoded value; the page has the sentence around it",
  printf = "what the command was asked to print", fputs = "the same; what goes to stderr says prunner: first",
  snprintf = "puts names and numbers together; what says them is a message by itself",
  top_line_print = "what prunner top shows", draw_text = "the same",
  sscanf = "reads", fscanf = "reads", strstr = "searches", find = "searches", match = "searches",
  _Static_assert = "said by the compiler",
  cdef = "a declaration",
  __tostring = "what print() shows of an object",
}

--- Sources whose strings are no messages of ours, and why.
messages.silent_files = {
  ["engine/worker/lookup.c"] = "what LuaSocket says about names",
}

-- Words of prose: no paths, no names of files.
local function words_in(text)
  local n = 0
  for chunk in text:gmatch "%S+" do
    if chunk:find "^%p*%l[%l'_-]*%p*$" then n = n + 1 end
  end
  return n
end

-- Help, pages and code are texts of several lines, or have brackets.
local function is_page(text)
  return text:find "\n." or text:find "[<{%[]"
end

-- Texts that are no messages, and why.
messages.no_message = {
  ["prunner's own options, such as -n, may be given too: see prunner --help"] = "the end of a script's help",
  ["Monitoring"] = "a heading of --help",
  ["bad argument #%d to 'select' (table expected, got %s)"] = "LuaSocket's",
  ["bad argument #3 to 'select' (number expected, got %s)"] = "LuaSocket's",
  ["bad argument #1 to 'sleep' (number expected, got %s)"] = "LuaSocket's",
  ["no getter"] = "prunner's own Lua gave a wrong argument", ["no ticket"] = "the same",
  ["no open pipe"] = "the same", ["the program was not started"] = "the same",
  ["signal %d"] = "the name of a signal that has none",
  ["waits for a lock"] = "the name of a slice in a trace", ["worker ended"] = "of a mark in it",
}

local function is_message(s)
  if s.text:find "^prunner: " or s.text:find "^prunner %l+$" then return true end
  for name in pairs(s.calls) do
    if NOUNS[name] then return true end
  end
  if messages.no_message[s.text] then return false end
  local says
  for name in pairs(s.calls) do
    if messages.silent[name] then return false end
    says = says or SAYS[name]
  end
  local words = words_in((s.text:gsub("%%[-%d.*]*[hlzjt]*%a", "")))
  if says then return words >= 2 or (words == 1 and s.text:find "%%") end
  if is_page(s.text) then return false end
  return words >= 3 or (words >= 2 and (s.before == "return" or s.before == "?" or s.before == ":"))
end

--- The messages of one source.
-- @tparam string file its name; `.lua` is Lua, all else C
-- @tparam string text
-- @treturn {table,...} each with text, file and line
function messages.of(file, text)
  local found = {}
  if messages.silent_files[file] then return found end
  for _, s in ipairs(strings_of(file, text, file:find "%.lua$" and LANGUAGES.lua or LANGUAGES.c)) do
    if is_message(s) then found[#found + 1] = s end
  end
  return found
end

---------------------------------------------------------------------------------------------------
-- The page
---------------------------------------------------------------------------------------------------

local function one_line(text)
  return (text:gsub("%s+", " "))
end

--- What stays the same in a message, in order: its first line without what is filled in.
function messages.fixed_parts(text)
  local line = text:gsub("^prunner: ", ""):match "^[^\n]*"
  local parts = {}
  line = line:gsub("%%%%", "\1"):gsub("%%[-%d.*]*[hlzjt]*%a", "\0"):gsub("%%%d", "\0")
  for part in line:gmatch "%Z+" do
    part = one_line(part:gsub("\1", "%%"))
    if part:find "%w" then parts[#parts + 1] = part end
  end
  return parts
end

--- An entry that ends in " ..." is the beginning of a message: where `part` begins at the end of
-- it, with at least 12 characters.
local function cut_off(part, entry, from)
  for length = math.min(#part, #entry - from + 1), 12, -1 do
    if entry:sub(-length) == part:sub(1, length) then return #entry - length + 1 end
  end
end

--- Where a message occurs in an entry: a list of { first, last }, or nil.
function messages.places(parts, entry)
  local places, from = {}, 1
  local beginning = entry:match "^(.*) %.%.%.$"
  for _, part in ipairs(parts) do
    local first, last = entry:find(part, from, true)
    if not first and beginning then
      first = cut_off(part, beginning, from)
      if not first then return nil end
      places[#places + 1] = { first, #beginning }
      return places
    end
    if not first then return nil end
    places[#places + 1] = { first, last }
    from = last + 1
  end
  return #places > 0 and places or nil
end

--- What a page quotes as messages: the code spans in bold with which its paragraphs begin.
function messages.entries(page)
  local entries = {}
  for paragraph in ("\n" .. page:gsub("\n\n", "\n\n\n") .. "\n\n"):gmatch "\n(%*%*`.-)\n\n" do
    local rest = paragraph
    repeat
      local entry, after = rest:match "^%*%*`([^`]+)`%*%*,?%s*(.*)$"
      entries[#entries + 1] = entry and one_line(entry)
      rest = after
    until not entry
  end
  return entries
end

--- The words of an entry that no message has. Words in capitals stand for what is filled in.
-- @tparam string entry
-- @tparam {{string,...},...} all the fixed parts of all messages
-- @treturn {string,...} these words
-- @treturn number how many words in small letters there are at all
function messages.unknown_words(entry, all)
  local known = {}
  for _, parts in ipairs(all) do
    for _, place in ipairs(messages.places(parts, entry) or {}) do
      for i = place[1], place[2] do known[i] = true end
    end
  end
  local unknown, count = {}, 0
  for first, word in entry:gmatch "()%f[%w](%l[%l']+)%f[^%w']" do
    count = count + 1
    if not known[first] then unknown[#unknown + 1] = word end
  end
  return unknown, count
end

return messages
