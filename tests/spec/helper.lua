--- What the specs of the Lua modules share.
--
--   local raises = require("tests.spec.helper").raises
--   raises(function() prunner.post_task(nil) end, "the first argument must be a function")

local helper = {}

--- Assert that `fn()` raises a text that contains `text`, and that it names a line of `fn`: whose
-- mistake it was, and not a line of the module. Returns the message.
function helper.raises(fn, text)
  local ok, message = pcall(fn)
  if ok then error("nothing was raised; expected: " .. text, 2) end
  if type(message) ~= "string" then
    error("a " .. type(message) .. " was raised; expected: " .. text, 2)
  end
  if not message:find(text, 1, true) then
    error(("expected: %s\ngot:      %s"):format(text, message), 2)
  end
  local where = debug.getinfo(fn, "S")
  local file, line = message:match("^(.-):(%d+): ")
  line = tonumber(line)
  if file ~= where.short_src or line < where.linedefined or line > where.lastlinedefined then
    error(("expected a line of %s from %d to %d\ngot: %s"):format(where.short_src,
      where.linedefined, where.lastlinedefined, message), 2)
  end
  return message
end

return helper
