-- Branches post leaves; each leaf counts in an accumulator, in the dict, and in the
-- dict under a lock: the three must agree, whatever was killed in between.
--
-- prints: 12502500 12502500 12502500 5000
-- status: 0
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"

local BRANCHES, LEAVES = 50, 100
local sum, seen = prunner.counter "sum", prunner.collector "seen"
local d = prunner.dict

local function leaf(i)
  sum:add(i)
  ffi.C.usleep(150)
  seen:add(i)
  d:incr("incr", i)
  ffi.C.usleep(300)
  prunner.global_lock(function()
    d.locked = (d.locked or 0) + i
    if i % 8 == 0 then ffi.C.usleep(100) end
  end)
  ffi.C.usleep(150)
end

local function branch(i)
  for j = 1, LEAVES do
    prunner.post_task(leaf, (i - 1) * LEAVES + j)
    if j % 20 == 0 then ffi.C.usleep(500) end
  end
end

function begin()
  for i = 1, BRANCHES do prunner.post_task(branch, i) end
end

function end_()
  print(("%d %d %d %d"):format(sum:get(), d:get "incr", d.locked, #seen:get()))
end
