--- The globals as they were when prunner was loaded: the environment of its modules.
--
-- A script may have globals called `debug`, `type` or `next`: functions that it posts, or values. So each
-- of prunner's modules begins with
--
--     setfenv(1, require "prunner.globals")
--
-- and sees only what is here. The command loads them before the script. Libraries are copied as well,
-- except those of which prunner wants to see the changes: `package.path`, `io.stdout`.
jit.off(true, true) -- runs once

local BASE = {
  "assert", "collectgarbage", "error", "getfenv", "getmetatable", "ipairs", "loadfile", "loadstring", "next",
  "pairs", "pcall", "rawequal", "rawget", "rawset", "require", "select", "setfenv", "setmetatable",
  "tonumber", "tostring", "type", "unpack", "xpcall",
}

local libraries = debug.getregistry()._LOADED -- of which `package.loaded` is another name
local globals = { _G = libraries._G }

for _, name in ipairs(BASE) do globals[name] = rawget(libraries._G, name) end
for _, name in ipairs { "bit", "coroutine", "debug", "jit", "math", "os", "string", "table" } do
  local copy = {}
  for key, value in pairs(libraries[name]) do copy[key] = value end
  globals[name] = copy
end
globals.io, globals.package = libraries.io, libraries.package

return globals
