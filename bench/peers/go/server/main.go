// What the clients ask: answers each GET with "ok\n" after a while.
//
//	server MS      prints the port it got on 127.0.0.1
//
// Runs until its standard input is closed, so it does not outlive who started it.
//
// It waits for a timerfd, not by time.Sleep: Go rounds its timers to whole milliseconds, so that
// an answer came up to 1 ms late, 5 % of what the clients are measured by.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const clockMonotonic, nonblockCloexec = 1, syscall.O_NONBLOCK | syscall.O_CLOEXEC

// Timers that nobody waits for.
var timers = sync.Pool{New: func() any {
	fd, _, errno := syscall.Syscall(syscall.SYS_TIMERFD_CREATE, clockMonotonic, nonblockCloexec, 0)
	if errno != 0 {
		fmt.Fprintln(os.Stderr, "server: timerfd_create:", errno)
		os.Exit(1)
	}
	return os.NewFile(fd, "timer")
}}

func wait(d time.Duration) {
	timer := timers.Get().(*os.File)
	defer timers.Put(timer)
	raw, err := timer.SyscallConn()
	if err == nil {
		// struct itimerspec: no interval, then the time.
		spec := [2]syscall.Timespec{1: syscall.NsecToTimespec(d.Nanoseconds())}
		err = raw.Control(func(fd uintptr) {
			syscall.Syscall6(syscall.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
		})
	}
	if err == nil {
		_, err = timer.Read(make([]byte, 8))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "server: timer:", err)
		os.Exit(1)
	}
}

func main() {
	ms, _ := strconv.Atoi(os.Args[1])
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		wait(time.Duration(ms) * time.Millisecond)
		io.WriteString(w, "ok\n")
	})
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, nil)
	io.Copy(io.Discard, os.Stdin)
}
