-- Long producers: some publish their posts in parts by themselves, some say where
-- they are by prunner.commit(cursor), and go on from there after a death.
--
-- prints: 48000 4 20 1000 4000
-- status: 0
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"

local items, done = prunner.counter "items", prunner.counter "done"
local lines, commits = prunner.counter "lines", prunner.counter "commits"

local function item(owner, fields)
  local i = fields.number
  assert(fields.first == owner and fields.second == i % 7 and fields.third == "x")
  if i % 16 == 0 then ffi.C.usleep(2000) end
  items:add(1)
  if i % 1000 == 0 then prunner.dict:incr("thousands " .. owner) end
end

local function produce(owner, n)
  for i = 1, n do
    prunner.post_task(item, owner, { number = i, first = owner, second = i % 7, third = "x" })
    if i % 100 == 0 then ffi.C.usleep(400) end
  end
  done:add(1)
end

local function line(i)
  lines:add(1)
  ffi.C.usleep(300)
  prunner.dict:set("line " .. i, true)
end

local function read(owner)
  local from = prunner.cursor() or 1
  for i = from, 1000 do
    prunner.post_task(line, owner * 1000 + i)
    prunner.dict:incr "read"
    if i % 10 == 0 then ffi.C.usleep(500) end
    if i % 50 == 0 then
      commits:add(1)
      prunner.commit(i + 1)
    end
  end
end

function begin()
  for owner = 1, 4 do
    prunner.post_task(produce, owner, 12000)
    prunner.post_task(read, owner)
  end
end

function end_()
  local d, written = prunner.dict, 0
  for owner = 1, 4 do assert(d["thousands " .. owner] == 12, "posts of a part are lost or double") end
  for key in d:each() do written = written + (key:match "^line" and 1 or 0) end
  assert(lines:get() == 4000 and written == 4000, "lines")
  print(("%d %d %d %d %d"):format(items:get(), done:get(), commits:get() / 4, d.read / 4, written))
end
