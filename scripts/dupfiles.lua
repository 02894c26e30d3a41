--- Finds files with the same contents, to show overlapping stages: the files found so far are
-- compared while the tree is still being listed. Each stage posts tasks for the next.
--
--   prunner scripts/dupfiles.lua -- /usr/share/doc
--   /usr/share/doc/liba1/copyright
--   /usr/share/doc/liba2/copyright
--
--   /usr/share/doc/libb/changelog.gz
--   ...
--
-- The groups are those of `fdupes -r`. Empty files are included, a file with several names (hard
-- links) counts once, and symbolic links are not followed. The output is sorted, so it is always
-- the same.
--
-- 1. list     one task; once a second file of the same size is found, both move on
-- 2. sample   a checksum of the first 4 KiB; once a second file has the same one, both move on
-- 3. confirm  a checksum of the whole file; files with the same one are compared byte by byte
--
-- Most files differ in size, and most of the others at the beginning. Few are read completely.

local bit = require "bit"
local ffi = require "ffi"
local prunner = require "prunner"
local files = require "files" -- scripts/files.lua, next to this script

local SAMPLE = 4096
local BLOCK = 256 * 1024 -- a multiple of 8, see checksum()

-- Shared by all workers. `seen` says which file came first with a size and a checksum.
local seen = prunner.get_dict()
-- Pairs { class, path }: this file is the same as the one that seen:get(class) names.
local same = prunner.collector("same")
-- Tables of hard links, see list().
local links = prunner.collector("links")

--- Continues the checksum `hash` over some more bytes; pieces must be a multiple of 8 bytes
-- long, but the last one. Made to be fast, not to resist anybody: files are compared before we call
-- them the same.
local function checksum(bytes, hash)
  local words = ffi.cast("const uint64_t *", bytes)
  local whole = math.floor(#bytes / 8)
  for i = 0, whole - 1 do
    hash = bit.bxor(hash, words[i]) * 0x9E3779B97F4A7C15ULL
    hash = bit.bxor(hash, bit.rshift(hash, 29))
  end
  for i = whole * 8 + 1, #bytes do
    hash = bit.bxor(hash, bytes:byte(i)) * 0x100000001B3ULL
  end
  return hash
end

--- Calls fn(block) for the blocks of a file. Returns nil if it cannot be read, after a warning.
local function read_blocks(path, block_bytes, block_count, fn)
  local file, message = io.open(path, "rb")
  if not file then
    files.warn(message)
    return nil
  end
  local block
  while block_count > 0 do
    block, message = file:read(block_bytes)
    if not block then break end
    fn(block)
    block_count = block_count - 1
  end
  file:close()
  if message then
    files.warn(path .. ": " .. message)
    return nil
  end
  return true
end

--- Names what files of the same size and the same checksum have in common, or nil.
local function fingerprint(kind, size, path, block_bytes, block_count)
  local hash = 0xCBF29CE484222325ULL
  local ok = read_blocks(path, block_bytes, block_count, function(block)
    hash = checksum(block, hash)
  end)
  return ok and ("%s %d %s"):format(kind, size, bit.tohex(hash, 16))
end

local function same_contents(path_a, path_b)
  local a, b = io.open(path_a, "rb"), io.open(path_b, "rb")
  local equal = a and b
  while equal do
    local block = a:read(BLOCK)
    equal = block == b:read(BLOCK)
    if not block then break end
  end
  if a then a:close() end
  if b then b:close() end
  return equal
end

--- Stage 3, a task.
-- @tparam number size
-- @tparam string path
-- @tparam string class what stage 2 found; for a short file that was already the checksum of it all
local function confirm(size, path, class)
  if size > SAMPLE then
    class = fingerprint("whole", size, path, BLOCK, math.huge)
    if not class then return end
  end
  -- dict:add() stores only what is not there yet, and says whether it did: of several workers that
  -- come with equal files at the same time, one is the first. Files that differ in spite of equal
  -- checksums get a class of their own, "... #2".
  local i = 1
  while true do
    local numbered = class .. " #" .. i
    if seen:add(numbered, path) then return end
    if same_contents(seen:get(numbered), path) then
      same:add({ numbered, path })
      return
    end
    i = i + 1
  end
end

--- Stage 2, a task.
local function sample(size, path)
  local class = fingerprint("start", size, path, SAMPLE, 1)
  if not class then return end
  if seen:add(class, path) then return end -- the first of its kind: wait for another one
  prunner.post_once(class, confirm, size, seen:get(class), class) -- the first one, once
  prunner.post_task(confirm, size, path, class)
end

--- Stage 1, a task. It may run for a long time, and nobody waits for its end: what it posts is
-- handed out in parts while it continues. It is the only one that looks at sizes, so its tables are
-- its own. Should its worker be killed, it runs again, posts the same once more, and what was
-- handed out before is skipped. That works because find lists an unchanged tree in the same order.
local function list(dirs)
  local first = {} -- size -> path of the first such file; true once that file was posted
  local linked = {} -- device and inode -> the first path of a file that has several
  local last = {} -- that first path -> the last one
  local complete = files.each("find -H", dirs, "-type f -printf '%s %n %D:%i %p\\0'",
    function(record)
      local size, names, id, path = record:match("^(%d+) (%d+) (%S+) (.*)$")
      size = tonumber(size)
      -- A file may also come twice because one directory was given twice.
      if names ~= "1" or #dirs > 1 then
        if linked[id] then
          last[linked[id]] = path
          return
        end
        linked[id] = path
      end
      local other = first[size]
      if not other then
        first[size] = path
        return
      end
      if other ~= true then
        prunner.post_task(sample, size, other)
        first[size] = true
      end
      prunner.post_task(sample, size, path)
    end)
  if next(last) then links:add(last) end
  if not complete then prunner.post_task(files.report_incomplete) end
end

function begin()
  if #arg == 0 then error("usage: prunner dupfiles.lua -- DIRECTORY ...", 0) end
  prunner.post_task(list, arg)
end

function end_()
  -- Of the names of one file show the last one listed, as fdupes does.
  local shown = links:get()[1] or {}

  local groups, by_class = {}, {}
  for _, pair in ipairs(same:get()) do
    local class, path = pair[1], pair[2]
    local group = by_class[class]
    if not group then
      local original = seen:get(class)
      group = { shown[original] or original }
      by_class[class] = group
      groups[#groups + 1] = group
    end
    group[#group + 1] = shown[path] or path
  end

  for _, group in ipairs(groups) do table.sort(group) end
  table.sort(groups, function(a, b) return a[1] < b[1] end)
  for i, group in ipairs(groups) do groups[i] = table.concat(group, "\n") .. "\n" end
  io.write(table.concat(groups, "\n"))
end
