-- 2,000 tasks that fail once and then wait for their backoff at the same time, more than any list
-- of fixed length holds: none is lost, none is done twice.
--
-- prints: 2000 2000
-- status: 0
-- stderr: yes
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"

local done = prunner.counter "done"
local d = prunner.dict

prunner.task("try", function(i)
  ffi.C.usleep(1000)
  if d:add("failed " .. i, true) then error "busy" end
  done:add(1)
end, { retries = 250, backoff = 0.3 })

function begin()
  for i = 1, 2000 do prunner.post_task("try", i) end
end

function end_()
  local n = 0
  for _ in d:each() do n = n + 1 end
  print(("%d %d"):format(n, done:get()))
end
