// The sum job and the tree on goroutines.
//
//	pool MODE sum N W      prints N * (N + 1)
//	pool MODE tree D W     prints 2 to the power of D
//
// MODE:
//
//	pool-queue  W goroutines on an unbounded queue of our own (mutex, condition, ring)
//	pool-chan   W goroutines on a channel with room for every task: workers post, so a smaller
//	            one would deadlock
//	pool-enc    as pool-chan, but a task travels as bytes: function number, varint argument
//	gor         a goroutine for each task, GOMAXPROCS=W
//
// MODE-atomic adds up by an atomic operation instead of under a mutex.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

type task struct {
	fn  int32
	arg int64
}

const (
	fInit = iota
	fAddOne
	fDouble
	fSumUp
	fSplit
)

var (
	mu      sync.Mutex
	sum     int64
	atomics bool
	pending sync.WaitGroup
	post    func(fn int32, arg int64)
)

func add(n int64) {
	if atomics {
		atomic.AddInt64(&sum, n)
		return
	}
	mu.Lock()
	sum += n
	mu.Unlock()
}

var functions = []func(int64){
	fInit: func(n int64) {
		for i := int64(0); i < n; i++ {
			post(fAddOne, i)
		}
	},
	fAddOne: func(n int64) { post(fDouble, n+1) },
	fDouble: func(n int64) {
		post(fSumUp, n)
		post(fSumUp, n)
	},
	fSumUp: add,
	fSplit: func(depth int64) {
		if depth == 0 {
			add(1)
			return
		}
		post(fSplit, depth-1)
		post(fSplit, depth-1)
	},
}

func run(t task) {
	functions[t.fn](t.arg)
	pending.Done()
}

// queue is a ring that grows.
type queue struct {
	mu         sync.Mutex
	cond       *sync.Cond
	buf        []task
	head, size int
	closed     bool
}

func newQueue() *queue {
	q := &queue{buf: make([]task, 1024)}
	q.cond = sync.NewCond(&q.mu)
	return q
}

func (q *queue) put(t task) {
	q.mu.Lock()
	if q.size == len(q.buf) {
		larger := make([]task, 2*len(q.buf))
		k := copy(larger, q.buf[q.head:])
		copy(larger[k:], q.buf[:q.head])
		q.buf, q.head = larger, 0
	}
	q.buf[(q.head+q.size)&(len(q.buf)-1)] = t
	q.size++
	q.mu.Unlock()
	q.cond.Signal()
}

func (q *queue) get() (task, bool) {
	q.mu.Lock()
	for q.size == 0 && !q.closed {
		q.cond.Wait()
	}
	if q.size == 0 {
		q.mu.Unlock()
		return task{}, false
	}
	t := q.buf[q.head]
	q.head = (q.head + 1) & (len(q.buf) - 1)
	q.size--
	q.mu.Unlock()
	return t, true
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.cond.Broadcast()
}

func start(workers int, work func()) {
	for i := 0; i < workers; i++ {
		go work()
	}
}

func main() {
	mode := os.Args[1]
	size, _ := strconv.ParseInt(os.Args[3], 10, 64)
	workers, _ := strconv.Atoi(os.Args[4])
	first, tasks := int32(fInit), 4*size+16
	if os.Args[2] == "tree" {
		first, tasks = fSplit, int64(2)<<size
	}
	if strings.HasSuffix(mode, "-atomic") {
		atomics = true
		mode = strings.TrimSuffix(mode, "-atomic")
	}

	switch mode {
	case "pool-queue":
		q := newQueue()
		post = func(fn int32, arg int64) { pending.Add(1); q.put(task{fn, arg}) }
		start(workers, func() {
			for t, ok := q.get(); ok; t, ok = q.get() {
				run(t)
			}
		})
		defer q.close()
	case "pool-chan":
		ch := make(chan task, tasks)
		post = func(fn int32, arg int64) { pending.Add(1); ch <- task{fn, arg} }
		start(workers, func() {
			for t := range ch {
				run(t)
			}
		})
		defer close(ch)
	case "pool-enc":
		ch := make(chan []byte, tasks)
		post = func(fn int32, arg int64) {
			b := make([]byte, 1, 1+binary.MaxVarintLen64)
			b[0] = byte(fn)
			b = b[:1+binary.PutVarint(b[1:cap(b)], arg)]
			pending.Add(1)
			ch <- b
		}
		start(workers, func() {
			for b := range ch {
				arg, _ := binary.Varint(b[1:])
				run(task{int32(b[0]), arg})
			}
		})
		defer close(ch)
	case "gor":
		runtime.GOMAXPROCS(workers)
		post = func(fn int32, arg int64) { pending.Add(1); go run(task{fn, arg}) }
	default:
		fmt.Fprintln(os.Stderr, "pool: no such mode:", mode)
		os.Exit(2)
	}

	post(first, size)
	pending.Wait()
	fmt.Println(sum)
}
