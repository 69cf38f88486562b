package testcluster

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// launcher starts processes from one thread that lives until close: see the package's comment for why.
type launcher struct {
	jobs chan func()
	done chan struct{}
}

func newLauncher() *launcher {
	l := &launcher{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and with it what it started
		for job := range l.jobs {
			job()
		}
	}()
	return l
}

func (l *launcher) close() {
	close(l.jobs)
	<-l.done
}

// process is one run of a server.
type process struct {
	pid    int
	exited chan struct{} // closed when it has ended and been reaped
}

// start runs path with args, its output appended to the file log.
func (l *launcher) start(dir, log, path string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = sysProcAttr()
	started := make(chan error)
	l.jobs <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("testcluster: %w", err)
	}
	p := &process{pid: cmd.Process.Pid, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(p.exited)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// signal goes to the server and to children it may have forked for a snapshot: its process group.
func (p *process) signal(sig syscall.Signal) error {
	if !p.running() {
		return fmt.Errorf("testcluster: process %d has ended", p.pid)
	}
	if err := syscall.Kill(-p.pid, sig); err != nil {
		return fmt.Errorf("testcluster: %s to process group %d: %w", sig, p.pid, err)
	}
	return nil
}

// kill ends the process, which may have ended already, and waits until it is gone.
func (p *process) kill() error {
	if p.running() {
		_ = p.signal(syscall.SIGKILL) // it may end this very moment: what counts is that it is gone
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("testcluster: process %d survives SIGKILL", p.pid)
	}
}
