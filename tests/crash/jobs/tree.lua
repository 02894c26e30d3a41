-- A tree of tasks: every task posts two, some carry much, all count. What a killed
-- worker had done of a task must be gone, what it had committed must be there.
--
-- prints: 8191 33550336 8191 8191
-- status: 0
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"

local LEAVES = 4096
local count, sum = prunner.counter "count", prunner.counter "sum"
local largest, seen = prunner.max "largest", prunner.collector "seen"

local function padding(i)
  if i % 97 == 0 then return ("x"):rep(50000 + i) end
  if i % 7 == 0 then return ("y"):rep(i % 3000) end
end

local function node(i, pad)
  assert(pad == padding(i), "the argument is not what was sent")
  local n = 0
  for k = 1, 20000 do n = n + k % 3 end
  count:add(1)
  sum:add(i)
  largest:add(i)
  seen:add(i)
  if i < LEAVES then
    for _, child in ipairs { 2 * i, 2 * i + 1 } do
      prunner.post_task(node, child, padding(child))
      ffi.C.usleep(200)
    end
  end
  return n
end

function begin() prunner.post_task(node, 1) end

function end_()
  local once, n = {}, 0
  for _, i in ipairs(seen:get()) do
    if not once[i] then n = n + 1 end
    once[i] = true
  end
  print(("%d %d %d %d"):format(count:get(), sum:get(), largest:get(), n))
  if #seen:get() ~= n then print(("%d values were collected"):format(#seen:get())) end
end
