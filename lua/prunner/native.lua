--- The C side of prunner: `core`, functions of Lua's C API, and `C`, plain functions called
-- through FFI, which compiled code can call without leaving its trace. Not for scripts.
--
-- Constants that both sides use come from C's own enums, as tables of `core`: core.NAMED,
-- core.errno ... (engine/lua/binding_constants.c). A module reads them into locals when it is
-- loaded: in compiled code these are constants.
setfenv(1, require "prunner.globals")

local ffi = require "ffi"
local core = require "prunner.core"

ffi.cdef [[
int prn_post_number(uint32_t fn, double v);
int prn_post_string(uint32_t fn, const char *bytes, size_t len);
uint32_t prn_args_begin(void);
int prn_args_nil(uint32_t i);
int prn_args_boolean(uint32_t i, int v);
int prn_args_number(uint32_t i, double v);
int prn_args_string(uint32_t i, const char *bytes, size_t len);
int prn_args_post(uint32_t i, uint32_t fn);
void prn_post_line(uint32_t line);
uint32_t prn_worker_id(void);
double prn_task_id(void);
uint32_t prn_attempt(void);

struct prn_scratch {
  uint32_t depth;
  uint32_t length[256];
  double number[256];
  const char *bytes[256];
};
struct prn_scratch *prn_scratch(void);
int prn_dict_get(uint32_t name, const char *key, size_t len, double number);
int prn_dict_number(int kind, uint32_t name, const char *key, size_t len, double number, double v);
int prn_dict_incr(uint32_t name, const char *key, size_t len, double number, double by);
int prn_dict_string(int kind, uint32_t name, const char *key, size_t len, double number,
  const char *value, size_t value_len);
int prn_dict_delete(uint32_t name, const char *key, size_t len, double number);
double prn_dict_len(uint32_t name);

int prn_lock_take(uint32_t name, double seconds);
int prn_lock_release(uint32_t name, int keep);
int prn_accumulator_add(int kind, uint32_t number, double v);
uint32_t prn_queue_event(void);
void prn_queue_bump(void);
void prn_queue_wait(uint32_t seen, double seconds);
double prn_now(void);
bool prn_next_task(void);
double *prn_next_task_cell(void);
]]

-- A name that C does not have raises where a module is loaded, and is not a nil that C takes for 0.
for name, constants in pairs(core) do
  if type(constants) == "table" then
    setmetatable(constants, { __index = function(_, key)
      error(string.format("prunner.core has no %s.%s", name, tostring(key)), 2)
    end })
  end
end

-- The library is loaded already, or part of the command; this names the same copy.
local C = core.library and ffi.load(core.library) or ffi.C

-- The results of calls, and how many are in use (engine/lua/scratch.h): who has read that of
-- scratch i stores i into its `depth`.
local scratch = C.prn_scratch()
assert(core.MAX.SCRATCH == 256, "struct prn_scratch")

return { C = C, core = core, scratch = scratch }
