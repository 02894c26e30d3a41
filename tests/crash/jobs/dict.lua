-- Every way to write into the dict, in and outside of locks, each of which must count
-- exactly once however often the task had to run.
--
-- prints: 3000 4501500 3000 3000 1500 3000 4501500 10 3000
-- status: 0
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"
local d = prunner.dict
local other = prunner.get_manager():dict "other"
local lock = prunner.lock "section"

local TASKS = 3000

-- Between any two writes, so that deaths come there and not before the first.
local function pause() ffi.C.usleep(150) end

local function work(i)
  d:incr "incr"
  pause()
  d:incr("sum", i)
  pause()
  d:append("append", "x")
  pause()
  d["set" .. i] = { number = i, text = ("t"):rep(i % 500) }
  pause()
  if i % 2 == 0 then d:delete("set" .. i) end
  other:incr("other", 1)
  pause()
  d:update("update", function(old) return (old or 0) + 1 end)
  pause()
  prunner.global_lock(function()
    d.locked = (d.locked or 0) + i
    if i % 8 == 0 then pause() end
    d["last" .. i % 10] = i
  end)
  pause()
  lock:acquire()
  d.list = (d.list or "") .. "y"
  if i % 8 == 1 then pause() end
  lock:release()
  pause()
end

function begin()
  for i = 1, TASKS do prunner.post_task(work, i) end
end

function end_()
  local sets, lasts = 0, 0
  for key, value in d:each() do
    if key:match "^set" then
      assert(value.number == tonumber(key:match "%d+") and #value.text == value.number % 500)
      sets = sets + 1
    end
    lasts = lasts + (key:match "^last" and 1 or 0)
  end
  print(table.concat({ d:get "incr", d.sum, #d:get "append", other:get "other", sets,
    d:get "update", d.locked, lasts, #d.list }, " "))
end
