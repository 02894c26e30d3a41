--- On what machine, with which versions.

local process = require "process"

local machine = {}

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a") or ""
  if file then file:close() end
  return text
end

function machine.describe()
  local cpu = read("/proc/cpuinfo"):match("model name%s*:%s*([^\n]+)") or "an unknown CPU"
  local memory = tonumber(read("/proc/meminfo"):match("MemTotal:%s*(%d+)")) or 0
  local system = read("/etc/os-release"):match('PRETTY_NAME="([^"]+)"') or "Linux"
  return ("%s CPUs (%s), %.0f GiB, %s, kernel %s"):format(process.capture("nproc") or "?", cpu,
    memory / 2 ^ 20, system, process.capture("uname -r") or "?")
end

function machine.load()
  return read("/proc/loadavg"):match("^[%d.]+ [%d.]+ [%d.]+") or "unknown"
end

-- What each is, and a command that prints it.
local VERSIONS = {
  { "prunner", "git describe --always --dirty" },
  { "LuaJIT", "luajit -v | cut -d' ' -f2" },
  { "gcc", "gcc -dumpfullversion" },
  { "Go", "go env GOVERSION" },
  { "oneTBB", "dpkg-query -W -f '${Version}' libtbb-dev" },
  { "Erlang/OTP", "erl -noshell -eval 'io:put_chars(erlang:system_info(otp_release)), halt().'" },
  { "Python", "python3=/usr/bin/python3; test -x $python3 || python3=python3; "
    .. "$python3 -c 'import platform; print(platform.python_version())'" },
  { "Perl MCE", "perl -MMCE -e 'print $MCE::VERSION'" },
  { "GNU parallel", "parallel --version | head -1 | grep -o '[0-9]*$'" },
}

--- A list of texts such as "gcc 12.2.0", of what is installed.
function machine.versions()
  local list = {}
  for _, version in ipairs(VERSIONS) do
    local text = process.capture(version[2] .. " 2>/dev/null")
    if text and text ~= "" then list[#list + 1] = version[1] .. " " .. text end
  end
  return list
end

return machine
