-- Tasks that always kill their worker, among many that do not: exactly these are
-- quarantined, after three runs each, and the rest is done.
--
-- prints: 4000 8002000 20 0
-- status: 1
-- stderr: yes
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int getpid(void); int kill(int, int); int usleep(unsigned);"

local count, sum = prunner.counter "count", prunner.counter "sum"
local SIGNALS = { 9, 11, 6 }

local function innocent(i)
  ffi.C.usleep(500)
  prunner.dict:incr "innocent"
  ffi.C.usleep(500)
  count:add(1)
  sum:add(i)
  ffi.C.usleep(500)
end

local poison = prunner.task("poison", function(i)
  count:add(1000000)
  prunner.post_task(innocent, 1000000)
  prunner.global_lock(function()
    prunner.dict.poisoned = true
    ffi.C.kill(ffi.C.getpid(), SIGNALS[i % 3 + 1])
  end)
end, { max_crashes = 3 })

function begin()
  for i = 1, 4000 do
    prunner.post_task(innocent, i)
    if i % 200 == 0 then prunner.post_task(poison, i / 200) end
  end
end

function end_()
  assert(prunner.dict.innocent == 4000 and not prunner.dict.poisoned)
  local s = prunner.stats()
  print(("%d %d %d %d"):format(count:get(), sum:get(), s.quarantined, s.failed))
end
