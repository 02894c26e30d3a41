-- receive() and send() of what LuaSocket buffers: tcp, unix streams, LuaSec's connections.
setfenv(1, require "prunner.globals")

local timeouts = require "prunner.socket.timeouts"
local wait = require "prunner.wait"

local BITS, SOCKET = wait.BITS, wait.WAIT.SOCKET
local left, never, now = timeouts.left, timeouts.never, timeouts.now

-- With which message it gives up at once, and what it waits for then.
local RECEIVES = { timeout = BITS.r, wantread = BITS.r, wantwrite = BITS.w }
local SENDS = { timeout = BITS.w, wantread = BITS.r, wantwrite = BITS.w }

local M = {}

--- receive() for a class.
-- @tparam table native its methods
function M.receiver(native)
  local receive, getfd = native.receive, native.getfd

  -- What has come is kept in pieces: given back as the next call's prefix it would be copied each time.
  local function rest(s, pattern, err, part, had)
    local start = now()
    local pieces, n, any = { part }, 1, #part > had
    local number = tonumber(pattern)
    local number_left = number and math.floor(number) - #part
    while true do
      local ready, closed = wait.wait(getfd(s), RECEIVES[err], left(s, start), SOCKET, 3)
      if not ready then return nil, closed or err, table.concat(pieces) end
      local data
      data, err, part = receive(s, number_left or pattern)
      part = data or part
      n = n + 1
      pieces[n] = part
      any = any or #part > 0
      if data then return table.concat(pieces) end
      if err == "closed" and any and not number and pattern and string.sub(pattern, 1, 2) == "*a" then
        return table.concat(pieces)
      elseif not RECEIVES[err] then
        return nil, err, table.concat(pieces)
      end
      if number then number_left = number_left - #part end
    end
  end

  return function(s, pattern, prefix)
    local data, err, part = receive(s, pattern, prefix)
    if data or not RECEIVES[err] or never(s) then return data, err, part end
    data, err, part = rest(s, pattern, err, part, prefix and #tostring(prefix) or 0)
    return data, err, part
  end
end

--- send() for a class.
function M.sender(native)
  local send, getfd = native.send, native.getfd

  local function rest(s, data, last, err, sent)
    local start = now()
    while true do
      local ready, closed = wait.wait(getfd(s), SENDS[err], left(s, start), SOCKET, 3)
      if not ready then return nil, closed or err, sent end
      local done, sent_now
      done, err, sent_now = send(s, data, sent + 1, last)
      if done then return done end
      sent = sent_now
      if not SENDS[err] then return nil, err, sent end
    end
  end

  return function(s, data, first, last)
    local done, err, sent = send(s, data, first, last)
    if done or not SENDS[err] or never(s) then return done, err, sent end
    done, err, sent = rest(s, data, last, err, sent)
    return done, err, sent
  end
end

--- dohandshake() of LuaSec.
function M.handshaker(native)
  local dohandshake, getfd = native.dohandshake, native.getfd

  local function rest(s, err)
    local start = now()
    while true do
      local ready, closed = wait.wait(getfd(s), RECEIVES[err], left(s, start), SOCKET, 3)
      if not ready then return false, closed or err end
      local done
      done, err = dohandshake(s)
      if done then return done end
      if not RECEIVES[err] then return false, err end
    end
  end

  return function(s)
    local done, err = dohandshake(s)
    if done then return done end
    if not RECEIVES[err] or never(s) then return false, err end
    done, err = rest(s, err)
    if done then return done end
    return false, err
  end
end

return M
