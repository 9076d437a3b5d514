// Go's side of bench/runtime/run: yield | spawn, ns of CPU time each, on one processor.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
)

func cpuNs() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano() + u.Stime.Nano())
}

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) > 1 && os.Args[1] == "yield" {
		const rounds = 3000000
		done := make(chan bool)
		go func() {
			for i := 0; i < rounds; i++ {
				runtime.Gosched()
			}
			done <- true
		}()
		before := cpuNs()
		for i := 0; i < rounds; i++ {
			runtime.Gosched()
		}
		fmt.Printf("%.2f\n", (cpuNs()-before)/(2*rounds))
		<-done
		return
	}
	const rounds = 1000000
	before := cpuNs()
	for i := 0; i < rounds; i++ {
		done := make(chan bool)
		go func() { done <- true }()
		<-done
	}
	fmt.Printf("%.2f\n", (cpuNs()-before)/rounds)
}
