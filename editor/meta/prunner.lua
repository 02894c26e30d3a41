---@meta prunner

-- The types of `require "prunner"`, for the Lua language server: name the directory of this file in
-- `workspace.library`. It is never run. docs/guide.md is the guide.

---A value that can be sent to another process: nil, booleans, numbers, strings, int64, functions and classes
---that existed before the workers were started, prunner's own objects, and tables of these, with cycles.
---@alias prunner.Sendable any

---@alias prunner.Key string|number|boolean

---A shared dictionary: `d.k` is a shared value, unless `k` is the name of a method. It is a handle, not a
---table: use `d:each()` and `d:len()` instead of `pairs(d)` and `#d`, which raise.
---@class prunner.Dict
---@field [prunner.Key] any
local Dict = {}

---A copy of the value of a key; nil if the key is absent.
---@param k prunner.Key
---@return any
function Dict:get(k) end

---Sets any key, even one with the name of a method.
---@param k prunner.Key
---@param v prunner.Sendable? nil deletes
function Dict:set(k, v) end

---Sets a key only if it is absent.
---@param k prunner.Key
---@param v prunner.Sendable not nil
---@return boolean added
function Dict:add(k, v) end

---Adds to a number; a missing key counts as 0.
---@param k prunner.Key
---@param n number? default 1
---@return number value the new one
function Dict:incr(k, n) end

---Appends to a string; a missing key counts as "".
---@param k prunner.Key
---@param s string
function Dict:append(k, s) end

---Sets a key to `new` if its value is `old`; nil stands for absent. Use it for scalars.
---@param k prunner.Key
---@param old prunner.Sendable?
---@param new prunner.Sendable?
---@return boolean changed
function Dict:cas(k, old, new) end

---Stores fn(old). `fn` may run several times and must not post or add.
---@generic T
---@param k prunner.Key
---@param fn fun(old: any): T
---@return T value the new one
function Dict:update(k, fn) end

---Removes a key.
---@param k prunner.Key
---@return boolean existed
function Dict:delete(k) end

---The number of keys.
---@return integer
function Dict:len() end

---`for k, v in d:each() do`: each entry at most once.
---@return fun(): prunner.Key?, any
function Dict:each() end

---@class prunner.Counter
local Counter = {}

---Adds to the sum. Counts exactly once, when the task ends successfully.
---@param n number? default 1
function Counter:add(n) end

---The sum, 0 at first.
---@return number
function Counter:get() end

---@class prunner.Max
local Max = {}

---Takes a number into account.
---@param n number
function Max:add(n) end

---The largest number; nil if there is none yet.
---@return number?
function Max:get() end

---@class prunner.Min
local Min = {}

---Takes a number into account.
---@param n number
function Min:add(n) end

---The smallest number; nil if there is none yet.
---@return number?
function Min:get() end

---@class prunner.Collect
local Collect = {}

---Adds a value. Counts exactly once, when the task ends successfully.
---@param v prunner.Sendable not nil
function Collect:add(v) end

---All values, in no particular order.
---@return any[]
function Collect:get() end

---@class prunner.Lock
local Lock = {}

---Waits for the lock and takes it.
---@param seconds number? how long to wait; default: forever
---@return true? taken
---@return string? problem "timeout"
---@return integer? errno 110
function Lock:acquire(seconds) end

---Takes the lock if it is free.
---@return boolean taken
function Lock:try_acquire() end

---Publishes what was written under the lock, and releases it.
function Lock:release() end

---Calls fn(...) with the lock held and returns what it returns.
---@generic T
---@param fn fun(...): T
---@param ... any
---@return T
function Lock:with(fn, ...) end

---@class prunner.Value
local Value = {}

---@return any
function Value:get() end

---@param v prunner.Sendable?
function Value:set(v) end

---@param n number? default 1
---@return number value the new one
function Value:incr(n) end

---@generic T
---@param fn fun(old: any): T
---@return T value the new one
function Value:update(fn) end

---@class prunner.Queue
local Queue = {}

---Puts a value at the end.
---@param v prunner.Sendable not nil
function Queue:put(v) end

---Takes the first value; nil if the queue is empty.
---@param seconds number? how long to wait for one; default: not at all. With -c above 1 the worker continues
---@return any
function Queue:get(seconds) end

---The number of values in the queue.
---@return integer
function Queue:len() end

---@class prunner.Manager
local Manager = {}

---@param name string at most 90 bytes
---@return prunner.Dict
function Manager:dict(name) end

---@param name string
---@return prunner.Lock
function Manager:lock(name) end

---@param name string at most 90 bytes
---@param v prunner.Sendable? its value, if it has none yet
---@return prunner.Value
function Manager:value(name, v) end

---@param name string at most 90 bytes
---@return prunner.Queue
function Manager:queue(name) end

---A piece of work for a runner.
---@class prunner.Task
---@field label string
---@field data any

---@class prunner.RunnerQueue
local RunnerQueue = {}

---Posts a task: some worker will call runner:run(task).
---@param t prunner.Task
function RunnerQueue:put(t) end

---@class prunner.ParallelTaskRunner
---@field queue prunner.RunnerQueue
---@field dict_ prunner.Dict
---@field lock prunner.Lock
---@field options any
---@field worker_begin fun(self)?
---@field worker_end fun(self)?
---@field on_error fun(self, task: prunner.FailedTask, err: any)?
local ParallelTaskRunner = {}

---Makes a class of your own.
---@generic T: prunner.ParallelTaskRunner
---@param self T
---@return T
function ParallelTaskRunner:extend() end

---@generic T: prunner.ParallelTaskRunner
---@param self T
---@param n integer? workers; default: the CPUs
---@param debug boolean?
---@param options any? handed to begin
---@return T
function ParallelTaskRunner:new(n, debug, options) end

---Hook: puts the first tasks.
---@param options any
function ParallelTaskRunner:begin(options) end

---Hook: called when every task is finished.
function ParallelTaskRunner:end_() end

---Runs one task.
---@param task prunner.Task
function ParallelTaskRunner:run(task) end

---@return prunner.Summary
function ParallelTaskRunner:start() end

---The task that `on_error` gets.
---@class prunner.FailedTask
---@field name string
---@field id number
---@field attempt integer
---@field will_retry boolean
---@field exit integer? the status of the program by which it failed: prunner.sh
---@field signal string? the signal that has ended that program: "SIGKILL"

---A pipe to or from a program: used as a file.
---@class prunner.Pipe
local Pipe = {}

---Reads, as file:read: "*l" (the default), "*L", "*a", "*n", a number of bytes.
---@param ... string|integer
---@return any ...
function Pipe:read(...) end

---An iterator over its lines, as file:lines.
---@param ... string|integer
---@return fun(): any, ...
function Pipe:lines(...) end

---Writes strings or numbers; waits until the program has read enough.
---@param ... string|number
---@return prunner.Pipe? pipe
---@return string? problem
---@return integer? errno
function Pipe:write(...) end

---Does nothing: nothing is kept back.
---@return prunner.Pipe
function Pipe:flush() end

---Does nothing.
---@return boolean
function Pipe:setvbuf() end

---A pipe has no places.
---@return nil
---@return string problem
---@return integer errno
function Pipe:seek() end

---Closes the pipe and waits for the end of the program.
---@return true? ok
---@return "exit"|"signal" how
---@return integer code
function Pipe:close() end

---Connections of a worker.
---@class prunner.Pool
local Pool = {}

---Calls fn(connection, ...) with a connection that nobody else of this worker uses meanwhile.
---@param fn fun(connection: any, ...): ...
---@param ... any
---@return any ...
function Pool:use(fn, ...) end

---@class prunner.Counts
---@field posted integer
---@field finished integer in any way, failed ones included
---@field failed integer
---@field retried integer
---@field duplicates integer
---@field quarantined integer
---@field pending integer posted and not finished

---@class prunner.Stats: prunner.Counts
---@field steals integer tasks taken from another worker
---@field lost_claims integer claims in which another worker was faster
---@field wakes integer of other workers
---@field parks integer times that a worker slept

---@class prunner.Summary: prunner.Counts
---@field seconds number
---@field workers integer
---@field cpu number CPU seconds that the workers used
---@field efficiency number fraction of their time in which the workers had a task, 0 to 1
---@field halted boolean --halt ended it
---@field deadline_passed boolean --deadline ended it
---@field status integer the exit status that the command would have

---@class prunner.Options
---@field retries integer? further runs after an error; default: --retries
---@field max_crashes integer? workers that it may crash before it is quarantined; default: --max-crashes
---@field timeout number? seconds that a run may take; default: --timeout
---@field backoff number? seconds before the first retry; default 0
---@field atomic_posts boolean? true: publish all posts of a run together, when it ends; default false

---@class prunner
---@field _VERSION string
---@field dict prunner.Dict
---@field ParallelTaskRunner prunner.ParallelTaskRunner
local prunner = {}

---Posts a task: some worker will call fn(...).
---@param fn function|string
---@param ... prunner.Sendable
function prunner.post_task(fn, ...) end

---Names a value with an identity: it arrives in other workers as the very same value.
---@generic T: table|userdata|lightuserdata|thread
---@param name string
---@param value T
---@return T
function prunner.constant(name, value) end

---Posts fn(...) unless a task of this job with this key was posted before: each thing once.
---@param key string|number|boolean
---@param fn function|string
---@param ... prunner.Sendable
function prunner.post_once(key, fn, ...) end

---Posts fn(element) for each element of a list.
---@param fn function|string
---@param list prunner.Sendable[]
function prunner.post_many(fn, list) end

---Names a function and sets the options of its tasks.
---@generic F: function
---@param name string
---@param fn F
---@param options prunner.Options?
---@return F
function prunner.task(name, fn, options) end

---Makes everything permanent that the running task did so far: posts, adds, dict writes.
---@param cursor prunner.Sendable?
function prunner.commit(cursor) end

---The cursor that an earlier run of this task gave to commit; nil if there was no commit.
---@return any
function prunner.cursor() end

---range(n): 0 to n - 1; range(from, n): from to n - 1.
---@param from integer
---@param n integer?
---@return integer[]
function prunner.range(from, n) end

---The declaration of a script's options: fields `description`, `epilog`, `usage`, and a list with a table
---for each argument or option. The table has the name first, such as "-o --output", then properties of
---argparse, or flag = true.
---@class prunner.Declaration
---@field description string?
---@field epilog string?
---@field usage string?
---@field [integer] table

---Declares the options and arguments of the script and reads them from the command line.
---@param declaration prunner.Declaration
---@return table values by their long names, with _ for - inside
function prunner.options(declaration) end

---@param name string at most 96 bytes
---@return prunner.Counter
function prunner.counter(name) end

---@param name string at most 96 bytes
---@return prunner.Max
function prunner.max(name) end

---@param name string at most 96 bytes
---@return prunner.Min
function prunner.min(name) end

---@param name string at most 96 bytes
---@return prunner.Collect
function prunner.collector(name) end

---@return prunner.Dict
function prunner.get_dict() end

---Calls fn(...) while no other task is in a global_lock, and returns what it returns.
---@generic T
---@param fn fun(...): T
---@param ... any
---@return T
function prunner.global_lock(fn, ...) end

---@param name string at most 96 bytes
---@return prunner.Lock
function prunner.lock(name) end

---@return prunner.Manager
function prunner.get_manager() end

---A piece of work for a runner.
---@param label string
---@param data prunner.Sendable?
---@return prunner.Task
function prunner.Task(label, data) end

---Defines the job that start() runs.
---@param n integer? workers; default: the CPUs
---@param debug boolean?
---@param begin function?
---@param end_ function?
function prunner.init(n, debug, begin, end_) end

---Runs the job that init() defined.
---@return prunner.Summary
function prunner.start() end

---Announces how many tasks the job will have in all, so that progress can estimate the remaining time.
---Call it at any time, and again with a better estimate. If more tasks are posted, their number counts.
---@param n integer the number of tasks; 0 if it is not known any more
function prunner.expect(n) end

---Waits this many seconds. With `--concurrency` above 1 the worker runs other tasks meanwhile.
---@param seconds number 0 or more; 0 lets others go first
function prunner.sleep(seconds) end

---Waits until a descriptor can be read or written: true; false: the time is over; nil and "closed".
---@param fd integer the number of an open descriptor
---@param mode "r"|"w"|"rw"
---@param seconds number? at most; default: forever
---@return boolean? ready
---@return string? why
function prunner.wait_fd(fd, mode, seconds) end

---With `--concurrency` above 1, LuaSocket and LuaSec let other tasks continue while they wait. They do not if
---this is called with false before they are required, or if `PRUNNER_NO_PATCH=1` is in the environment.
---@param on boolean
function prunner.socket_patch(on) end

---A pool of connections, or of anything else that two tasks must not use at once. Each worker has its own.
---@param make fun(): any, any makes one, or returns nil and a message
---@param max integer how many a worker may have
---@return prunner.Pool
function prunner.pool(make, max) end

---Runs a command line of the shell and returns what it has printed. Raises an error if it fails.
---@param command string
---@return string output
function prunner.sh(command) end

---Runs a command line of the shell and waits for its end, as os.execute of Lua 5.2 and later.
---@param command string
---@return true? ok
---@return "exit"|"signal" how
---@return integer code
function prunner.execute(command) end

---Starts a command line of the shell, and reads from it or writes to it, as io.popen.
---@param command string
---@param mode "r"|"w"? default "r"
---@return prunner.Pipe
function prunner.popen(command, mode) end

---A word as the shell needs it written, so that it is taken as it is.
---@param word string|number
---@return string
function prunner.quote(word) end

---The number of this worker, 1 to nworkers(); 0 in the supervisor.
---@return integer
function prunner.worker_id() end

---The current maximum number of workers (-n).
---@return integer
function prunner.nworkers() end

---The id of the running task; 0 outside tasks.
---@return number
function prunner.task_id() end

---Which run of this task this is: 1 the first time; 0 outside tasks.
---@return integer
function prunner.attempt() end

---The counts of the job. Exact in `end_`.
---@return prunner.Stats
function prunner.stats() end

return prunner
