--- The clock that the scripts in this directory require. This is a module, not a job.
--
--   local clock = require "clock"
--   local start = clock.now()                -- seconds; the same clock in all processes
--   clock.rest(0.001)                        -- sleeps for a millisecond

local ffi = require "ffi"

ffi.cdef [[
  struct prn_bench_timespec { long sec, nsec; };
  int prn_bench_clock(int, struct prn_bench_timespec *) __asm__("clock_gettime");
  int prn_bench_nanosleep(const struct prn_bench_timespec *, void *) __asm__("nanosleep");
]]
local C = ffi.C

local CLOCK_MONOTONIC = 1
local time = ffi.new("struct prn_bench_timespec")

local clock = {}

function clock.now()
  C.prn_bench_clock(CLOCK_MONOTONIC, time)
  return tonumber(time.sec) + tonumber(time.nsec) / 1e9
end

function clock.rest(seconds)
  time.sec, time.nsec = math.floor(seconds), seconds % 1 * 1e9
  C.prn_bench_nanosleep(time, nil)
end

return clock
