--- The exit status, and leaving before the end: when nothing sensible can follow.
setfenv(1, require "prunner.globals")

local core = require("prunner.native").core

local M = {}

--- Raised to leave a script; whoever raised it has said why.
M.over = setmetatable({}, { __tostring = function() return "the job is over" end })

--- With what the process ends, once that is decided; nil: not yet.
M.status = nil

--- Leaves the process, or the script if prunner is the host.
function M.now(status)
  M.status = status
  if core.config "command" then error(M.over, 0) end
  io.stdout:flush()
  os.exit(status, status < 128) -- closes Lua's state, as at the end of a script; not after a signal
end

return M
