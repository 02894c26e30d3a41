--- Leaving the script, or the process, before the end: when nothing sensible can follow.
local core = require("prunner.native").core

local M = {}

--- Raised to leave a script; whoever raised it has said why.
M.over = setmetatable({}, { __tostring = function() return "the job is over" end })

--- The exit status of a script that was left; nil: it was not.
M.status = nil

--- Leaves the process, or the script if prunner is the host.
function M.now(status)
  if core.config "command" then
    M.status = status
    error(M.over, 0)
  end
  io.stdout:flush()
  os.exit(status)
end

return M
