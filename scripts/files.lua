--- Lists files for wordcount.lua and dupfiles.lua. Shows that a script finds modules in its own
-- directory: `require "files"` in scripts/wordcount.lua loads this file.
--
--   local files = require "files"
--   local complete = files.each("find -P", { "/usr/share/doc" }, "-type f -printf '%s %p\\0'",
--     function(record) print(record) end)

local files = {}

local BLOCK = 65536

--- Quote a string so that the shell takes it as one word, whatever it contains.
function files.quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Call `fn` with each record that find writes for the given directories.
-- @tparam string find how to call it: `"find -P"` follows no symbolic link
-- @tparam {string,...} dirs where to begin; any name is fine
-- @tparam string expression what find looks for and prints; each record must end with a NUL byte,
--   the only byte that cannot be part of a file's name
-- @tparam function fn called with each record, in find's order, while find is still running
-- @treturn boolean whether find saw everything; if not, it said on standard error what it missed
function files.each(find, dirs, expression, fn)
  local words = { find }
  for _, dir in ipairs(dirs) do
    -- find would take these for a part of its expression
    if dir:find("^[-(),!]") then dir = "./" .. dir end
    words[#words + 1] = files.quote(dir)
  end
  words[#words + 1] = expression
  -- The close() of a pipe does not tell LuaJIT how the command ended: let the shell write it last.
  words[#words + 1] = "; printf 'status %d\\0' \"$?\""

  local pipe = assert(io.popen(table.concat(words, " "), "r"))
  local held -- the newest record, until it is known whether it is the status
  local rest = "" -- the beginning of a record that continues in the next block
  for block in function() return pipe:read(BLOCK) end do
    local text, from = rest .. block, 1
    local stop = text:find("\0", from, true)
    while stop do
      if held then fn(held) end
      held = text:sub(from, stop - 1)
      from = stop + 1
      stop = text:find("\0", from, true)
    end
    rest = text:sub(from)
  end
  pipe:close()
  return held == "status 0"
end

--- A task that only fails: posted when a list of files is not complete, so that the run reports it
-- and ends with status 1, while everything that was found is still done.
function files.report_incomplete()
  error("some files could not be listed (see what find says above): incomplete result", 0)
end

--- Say on standard error that a file is left out.
function files.warn(message)
  io.stderr:write("warning: " .. message .. "\n") -- in one piece: other workers write as well
end

return files
