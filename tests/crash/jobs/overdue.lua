-- Tasks that hang in their first run, until the supervisor ends it in the name of the worker that it
-- kills; beside them many append to a few texts, which grow in place. Each is done once.
--
-- prints: 24 5760
-- status: 0
-- stderr: yes
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"

local done = prunner.counter "done"
local d = prunner.dict

prunner.task("hang", function(i)
  if d:add("hung " .. i, true) then
    while true do ffi.C.usleep(1000) end
  end
  done:add(1)
end, { timeout = 0.2, retries = 250, backoff = 0.1, max_crashes = 250 }) -- the supervisor may see a death

function write(i)
  for _ = 1, 8 do
    d:append("text " .. i % 5, "piece ")
    ffi.C.usleep(200)
  end
end

function begin()
  for i = 1, 120 do
    if i % 5 == 0 then prunner.post_task("hang", i) end
    prunner.post_task(write, i)
  end
end

function end_()
  local bytes = 0
  for i = 0, 4 do bytes = bytes + #d["text " .. i] end
  print(("%d %d"):format(done:get(), bytes))
end
