--- Phrases that read as translated, or that say something other than their writer thought, and old
-- names: what a native writer says. `make lint` looks for them in documents, the manual page, help
-- texts, messages and comments:
--
--   luajit tests/phrases.lua FILE...      prints "FILE:LINE: ..." for each; status 1 if there are any
--
-- A phrase may be broken over lines of a comment. In documents, code and words in CAPITALS are left
-- alone.

local phrases = {}

--- { pattern, say, an example that is found, one that is not, where }. The pattern is tried on text in
-- small letters, with each run of blanks one blank; words begin and end where it does. `unless`: a
-- pattern that excuses what stands around it (`around` characters on either side, or 30).
phrases.list = {
  { "go on", "continue, resume, proceed", "the job can go on", "the lights go one by one" },
  { "goes on", "continues", "the task goes on", "it undergoes one change" },
  { "going on with", "continuing with", "going on with 3 workers", "what is going on" },
  { "went on", "continued, passed", "the job went on", "it went once" },
  { "is no %l+", "is not a ...", "what is no number", "there is no number",
    unless = "there is no |is no longer|is no more |is no less |is no good|is no one|none is no" },
  { "are no %l+", "are not ...", "words that are no options", "there are no options",
    unless = "there are no |are no longer|are no more |are no less " },
  { "for want of", "for lack of", "killed for want of memory", "wanted of it" },
  { "in place of", "instead of", "a loop in place of a call", "it grows in place" },
  { "beside", "next to, with, besides", "a file beside it", "besides, it waits" },
  { "be had", "is available, can be allocated", "no memory can be had", "it may behave" },
  { "so many", "name the quantity", "after so many tasks", "so many tasks that it waits",
    unless = "so many [^.]* that " },
  { "so long", "name the quantity", "waits so long", "so long that nobody waits",
    unless = "so long [^.]* ?that |so long as" },
  { "so much", "name the quantity", "moves so much", "so much of it that it waits",
    unless = "so much [^.]* ?that " },
  { "shall", "will, must", "some worker shall call it", "shallow" },
  { "there [ai][rs]e? to be", "is wanted, will be", "there are to be fewer", "there are two" },
  { "what runs", "running tasks", "what runs may end", "what runs where", unless = "what runs where" },
  { "what hangs", "a hung task", "gives up what hangs", "what changes" },
  { "what programs print", "output of programs", "what programs print", "what a program prints" },
  { "in peace", "normally", "it ends in peace", "in pieces" },
  { "neither that nor", "repeat the noun", "neither that nor a summary", "neither this file" },
  { "set aside", "quarantined", "a task is set aside", "the set asides" },
  { "steers", "controls", "ctl steers a job", "he steered" },
  { "worn out", "due for recycling", "a worn out worker", "sworn outside" },
  { "dead letters?", "failure record", "in the dead letters", "dead lettering" },
  -- A headless "who" where English has "whoever", "the one that" or a noun.
  { "by who", "by the process that ...", "cleared by who wakes it", "found by whoever wakes it" },
  { "for who", "for the process that ...", "for who comes after", "for whom" },
  { "to who", "to the process that ...", "it belongs to who filled it", "to whom" },
  { "of who ran", "of the worker that ...", "of who ran it last", "of those who ran" },
  { "and who %l+s?", "and a worker that ...", "and who was refused", "and whose",
    unless = "who[^.]* and who |and who is |and who may |what [^.]*and who " },
  { "[.;] who %l+", "a worker that ...", "it parks. who may not start sleeps.", "it parks. who may start?",
    unless = "who [^.?;]*%?", around = 100 },
}

local function bounded(pattern)
  local first = pattern:match "^%l" and "%f[%w_]" or ""
  local last = pattern:match "[%l?+]$" and "%f[^%w_]" or ""
  return first .. pattern .. last
end

-- Is one of the excuses at all[first..last], or at a part of it?
local function excused(entry, all, first, last)
  local around = entry.around or 30
  for pattern in (entry.unless or ""):gmatch "[^|]+" do
    for from = math.max(1, first - around), last do
      local _, to = all:sub(1, last + around):find("^" .. pattern, from)
      if to and to >= first then return true end
    end
  end
  return false
end

--- Text without what is not prose, each byte where it was: blanks in place of it.
local function prose_of(text, path)
  local function blank(s) return (s:gsub("[^\n]", " ")) end
  if path:find "%.md$" then
    text = text:gsub("```.-```", blank):gsub("`[^`\n]*`", blank)
      :gsub("%f[%w]%u%u+%f[^%w]", blank) -- what varies in a message
  end
  text = text:gsub("\n[ \t]*%*[ \t]", blank):gsub("\n[ \t]*%-%-+[ \t]", blank) -- what leads a comment's lines
  return text:gsub('"\n[ \t]*"', blank) -- a string that the compiler joins
end

--- All that is found in a text: a list of { line =, found =, say = }.
function phrases.find(text, path)
  -- Blanks become one; `line_at` says on which line each byte of what is left was.
  local flat, lines, line, blank = {}, {}, 1, true
  for ch in prose_of("\n" .. text, path):sub(2):gmatch "." do
    if ch == "\n" then line = line + 1 end
    local is_blank = ch:find "%s" ~= nil
    if not (is_blank and blank) then
      flat[#flat + 1] = is_blank and " " or ch:lower()
      lines[#lines + 1] = line
    end
    blank = is_blank
  end
  local all, found = table.concat(flat), {}
  for _, entry in ipairs(phrases.list) do
    local pattern, from = bounded(entry[1]), 1
    while true do
      local first, last = all:find(pattern, from)
      if not first then break end
      if not excused(entry, all, first, last) then
        found[#found + 1] = { line = lines[first], found = all:sub(first, last), say = entry[2] }
      end
      from = last + 1
    end
  end
  table.sort(found, function(a, b) return a.line < b.line end)
  return found
end

function phrases.main(paths)
  local status = 0
  for _, path in ipairs(paths) do
    local file = assert(io.open(path))
    for _, f in ipairs(phrases.find(file:read "*a", path)) do
      print(("%s:%d: \"%s\": %s"):format(path, f.line, f.found, f.say))
      status = 1
    end
    file:close()
  end
  return status
end

if arg and (arg[0] or ""):find "phrases%.lua$" then os.exit(phrases.main(arg)) end

return phrases
