--- Counts the words of all files in directory trees, to show map and reduce. Each task counts a
-- group of files in a table of its own, and hands the table over once, at its end.
--
--   prunner scripts/wordcount.lua -- /usr/share/doc
--     143973 A
--        521 AA
--         14 AAA
--        ...
--
-- A word is a run of the letters A-Z and a-z, and ends with its file. The counts are those of
--
--   find DIR -type f -exec sh -c 'for f; do cat "$f"; echo; done' _ {} + |
--     LC_ALL=C tr -cs A-Za-z '\n' | LC_ALL=C sort | uniq -c

local prunner = require "prunner"
local files = require "files" -- scripts/files.lua, next to this script

-- A group of files is one task. Small groups keep all workers busy to the end. Large groups leave
-- fewer tables to merge, and many words occur in nearly every group. So the files are divided into
-- about GROUPS groups of similar size, not smaller than GROUP_MIN unless they consist of many tiny
-- files. A larger file is a group by itself.
local GROUPS = 400
local GROUP_MIN = 256 * 1024
local GROUP_FILES = 64

local BLOCK = 1024 * 1024 -- what a task reads at a time

--- Receives the tables of all tasks. A task's add counts exactly once: when the task is done. If
-- its worker is killed halfway, the task runs again and nothing is counted twice.
local tables = prunner.collector("counts")

local function count_words(text, counts)
  for word in text:gmatch("[A-Za-z]+") do
    counts[word] = (counts[word] or 0) + 1
  end
end

--- Adds the words of one file to `counts`. Raises nothing: returns nil and a message.
local function count_file(path, counts)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end

  local carry = "" -- a word that may continue in the next block
  local block
  repeat
    block, message = file:read(BLOCK)
    if block then
      local stop = #block
      while stop > 0 and block:find("^[A-Za-z]", stop) do stop = stop - 1 end
      if stop == 0 then
        carry = carry .. block
      else
        count_words(carry .. block:sub(1, stop), counts)
        carry = block:sub(stop + 1)
      end
    end
  until not block
  count_words(carry, counts)

  file:close()
  if message then return nil, path .. ": " .. message end
  return true
end

--- A task.
local function count_group(paths)
  local counts = {}
  for _, path in ipairs(paths) do
    local ok, message = count_file(path, counts)
    if not ok then files.warn(message) end
  end
  tables:add(counts)
end

--- Runs before the workers are forked; the list of files stays here, each task gets its part of it.
function begin()
  if #arg == 0 then error("usage: prunner wordcount.lua -- DIRECTORY ...", 0) end

  local found, total = {}, 0
  local complete = files.each("find -P", arg, "-type f -printf '%s %p\\0'", function(record)
    local size, path = record:match("^(%d+) (.*)$")
    size = tonumber(size)
    found[#found + 1] = { size = size, path = path }
    total = total + size
  end)
  if not complete then
    if #found == 0 then error("wordcount: found no file to read", 0) end
    prunner.post_task(files.report_incomplete)
  end

  local limit = math.max(GROUP_MIN, total / GROUPS)

  -- The large files first: a long task that starts last keeps one worker busy and the rest waiting.
  for _, file in ipairs(found) do
    if file.size >= limit then prunner.post_task(count_group, { file.path }) end
  end

  local group, bytes = {}, 0
  for _, file in ipairs(found) do
    if file.size < limit then
      group[#group + 1] = file.path
      bytes = bytes + file.size
      if bytes >= limit or #group == GROUP_FILES then
        prunner.post_task(count_group, group)
        group, bytes = {}, 0
      end
    end
  end
  if #group > 0 then prunner.post_task(count_group, group) end
end

--- Runs after the last task, again in the process that ran begin().
function end_()
  local total = {}
  for _, counts in ipairs(tables:get()) do
    for word, n in pairs(counts) do total[word] = (total[word] or 0) + n end
  end

  local words = {}
  for word in pairs(total) do words[#words + 1] = word end
  table.sort(words)
  for i, word in ipairs(words) do words[i] = ("%7d %s\n"):format(total[word], word) end
  io.write(table.concat(words))
end
