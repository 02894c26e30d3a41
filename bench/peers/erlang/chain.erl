%% The sum job and the tree on Erlang's processes.
%%
%%   erl +P 10000000 +S W:W -noshell -noinput -pa DIR -s chain main MODE JOB SIZE W
%%
%% MODE proc: a process for each task; atomics for the sum and for how many are left.
%%      disp: W worker processes that ask a dispatcher with an unbounded queue for tasks.
%% JOB sum (SIZE is N, prints N * (N + 1)) or tree (SIZE is the depth, prints 2 to that power).
-module(chain).
-export([main/1, task/3]).

main([Mode, Job, Size, Workers]) ->
    N = list_to_integer(atom_to_list(Size)),
    W = list_to_integer(atom_to_list(Workers)),
    Sum = atomics:new(1, [{signed, true}]),
    First = case Job of sum -> {init, N}; tree -> {split, N} end,
    run(Mode, First, Sum, W),
    io:format("~p~n", [atomics:get(Sum, 1)]),
    erlang:halt(0).

run(proc, First, Sum, _) ->
    Left = atomics:new(1, [{signed, true}]),
    atomics:put(Left, 1, 1),
    spawn(?MODULE, task, [First, {Left, Sum}, self()]),
    receive done -> ok end;
run(disp, First, Sum, W) ->
    Me = self(),
    [spawn_link(fun() -> worker(Me, Sum) end) || _ <- lists:seq(1, W)],
    dispatch(queue:from_list([First]), [], W).

%% What the tasks do; Post(Task) posts one.
do({init, N}, Post, _) -> count(0, N, Post);
do({add_one, N}, Post, _) -> Post({double, N + 1});
do({double, N}, Post, _) -> Post({sum_up, N}), Post({sum_up, N});
do({sum_up, N}, _, Sum) -> atomics:add(Sum, 1, N);
do({split, 0}, _, Sum) -> atomics:add(Sum, 1, 1);
do({split, D}, Post, _) -> Post({split, D - 1}), Post({split, D - 1}).

count(N, N, _) -> ok;
count(I, N, Post) -> Post({add_one, I}), count(I + 1, N, Post).

task(Task, {Left, Sum} = Shared, Main) ->
    Post = fun(T) -> atomics:add(Left, 1, 1), spawn(?MODULE, task, [T, Shared, Main]) end,
    do(Task, Post, Sum),
    case atomics:sub_get(Left, 1, 1) of 0 -> Main ! done; _ -> ok end.

worker(Dispatcher, Sum) ->
    Dispatcher ! {ready, self()},
    receive Task -> do(Task, fun(T) -> Dispatcher ! {post, T} end, Sum) end,
    worker(Dispatcher, Sum).

%% Ends when all W workers are ready and the queue is empty.
dispatch(Queue, Ready, W) ->
    receive
        {post, Task} ->
            case Ready of
                [P | Rest] -> P ! Task, dispatch(Queue, Rest, W);
                [] -> dispatch(queue:in(Task, Queue), [], W)
            end;
        {ready, P} ->
            case queue:out(Queue) of
                {{value, Task}, Rest} -> P ! Task, dispatch(Rest, Ready, W);
                {empty, _} when length(Ready) + 1 =:= W -> ok;
                {empty, _} -> dispatch(Queue, [P | Ready], W)
            end
    end.
