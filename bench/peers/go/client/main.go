// GETs by goroutines.
//
//	client REQUESTS W URL keep|close     prints how many answers were right
//
// W goroutines take turns on a channel; keep: each keeps its connection, close: one a request.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

func main() {
	requests, _ := strconv.Atoi(os.Args[1])
	workers, _ := strconv.Atoi(os.Args[2])
	url := os.Args[3]
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: workers,
		DisableKeepAlives:   os.Args[4] == "close",
	}}

	var right int64
	var done sync.WaitGroup
	ch := make(chan int, requests)
	for i := 0; i < workers; i++ {
		done.Add(1)
		go func() {
			defer done.Done()
			for range ch {
				response, err := client.Get(url)
				if err != nil {
					continue
				}
				body, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if string(body) == "ok\n" {
					atomic.AddInt64(&right, 1)
				}
			}
		}()
	}
	for i := 0; i < requests; i++ {
		ch <- i
	}
	close(ch)
	done.Wait()
	fmt.Println(right)
}
