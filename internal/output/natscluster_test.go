package output

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// clusterConfig is the variable with the path of the configuration of TestNATSClusterChild.
const clusterConfig = "NATS_CLUSTER_CONFIG"

// elected bounds the waits for a leader: the server's own bound is 9 s, and an election can be without a winner.
const elected = 60 * time.Second

// TestNATSClusterChild is a server of natsCluster, in a process of its own, so that it can be killed as no server within
// this process can: one that is told to end hands its streams over first.
func TestNATSClusterChild(t *testing.T) {
	path := os.Getenv(clusterConfig)
	if path == "" {
		t.Skip("is run by TestNATSAStreamsLeaderIsKilled")
	}
	o, err := server.ProcessConfigFile(path)
	must(t, err)
	o.NoSigs = true
	s, err := server.NewServer(o)
	must(t, err)
	s.Start()
	_, _ = io.Copy(io.Discard, os.Stdin) // to the end of the parent
	s.Shutdown()
	s.WaitForShutdown()
}

// natsCluster is three servers, each a process, with a client to whichever of them lives.
type natsCluster struct {
	clients map[string]string // address for clients, by the server's name
	process map[string]*exec.Cmd
	js      nats.JetStreamContext
}

func startNATSCluster(t *testing.T) *natsCluster {
	t.Helper()
	c := &natsCluster{clients: map[string]string{}, process: map[string]*exec.Cmd{}}
	names := []string{"a", "b", "c"}
	var routes, urls []string
	cluster := map[string]string{}
	for _, name := range names {
		c.clients[name], cluster[name] = ownAddress(t), ownAddress(t)
		routes, urls = append(routes, "nats://"+cluster[name]), append(urls, "nats://"+c.clients[name])
	}
	for _, name := range names {
		dir := t.TempDir()
		path := filepath.Join(dir, "nats.conf")
		config := fmt.Sprintf("server_name: %s\nlisten: %s\nlogfile: %q\njetstream { store_dir: %q }\ncluster { name: probes, listen: %s, routes: [%s] }\n",
			name, c.clients[name], filepath.Join(dir, "log"), filepath.Join(dir, "store"), cluster[name], strings.Join(routes, ", "))
		must(t, os.WriteFile(path, []byte(config), 0o600))
		child := exec.Command(os.Args[0], "-test.run=^TestNATSClusterChild$")
		child.Env = append(os.Environ(), clusterConfig+"="+path)
		_, err := child.StdinPipe()
		must(t, err)
		must(t, child.Start())
		c.process[name] = child
		t.Cleanup(func() { c.kill(name) })
	}
	admin, err := nats.Connect(strings.Join(urls, ","), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	must(t, err)
	t.Cleanup(admin.Close)
	c.js, err = admin.JetStream(nats.MaxWait(time.Second))
	must(t, err)
	return c
}

// kill ends a server without a word.
func (c *natsCluster) kill(name string) {
	_ = c.process[name].Process.Kill()
	_ = c.process[name].Wait()
}

// leader waits until the stream has a leader other than the one named, and so many servers beside it that are up to
// date.
func (c *natsCluster) leader(t *testing.T, not string, others int) (name string) {
	t.Helper()
	until(t, "the stream has a leader", func() bool {
		info, err := c.js.StreamInfo("S")
		if err != nil {
			return false
		}
		current := 0
		for _, r := range info.Cluster.Replicas {
			if r.Current && !r.Offline {
				current++
			}
		}
		name = info.Cluster.Leader
		return name != "" && name != not && current == others
	})
	return name
}

// until waits, for as long as an election can take.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(elected); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it never comes to that: %s", what)
		}
	}
}

// What a leader has acknowledged is with the others, and what it has not comes again, and is dropped by the one that
// follows if it was stored.
func TestNATSAStreamsLeaderIsKilled(t *testing.T) {
	for _, tt := range []struct {
		name string
		ours bool // the one that is killed is the one that the destination is connected to
	}{
		{"behind the server that the destination is connected to", false},
		{"with the destination's connection, and its address leads to another server", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := startNATSCluster(t)
			at := ownAddress(t)
			f := start(t, Options{Addresses: []Address{address(t, "nats:"+at+"?stream=S&create=yes&replicas=3&stall=1s")}})
			proxy := newNATSProxy(t, at, c.clients["a"], func() {})
			t.Cleanup(func() { proxy.close() })
			first := c.leader(t, "", 2)
			through := func(to string) {
				proxy.close()
				proxy = newNATSProxy(t, at, c.clients[to], func() {})
			}
			other := map[string]string{"a": "b", "b": "c", "c": "a"}[first]
			through(other)
			if tt.ours {
				through(first)
			}

			// Messages flow on, whatever happens to the servers.
			want := numbered(0, 1200)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				tick := time.NewTicker(5 * time.Millisecond)
				defer tick.Stop()
				for i := 0; i < len(want); i += 10 {
					for _, line := range want[i : i+10] {
						f.Send([]byte(line))
					}
					<-tick.C
				}
			}()
			acknowledged := func() int { return int(f.Stats()[0].Acknowledged) }
			until(t, "some are acknowledged", func() bool { return acknowledged() >= 200 })
			// Some are stored, and the word of that does not come.
			proxy.mute.Store(true)
			until(t, "more is stored than acknowledged", func() bool {
				info, err := c.js.StreamInfo("S")
				return err == nil && info.State.Msgs > uint64(acknowledged())
			})
			if n := acknowledged(); n == len(want) {
				t.Fatal("all were acknowledged before the kill: the test proves nothing")
			}
			c.kill(first)
			if tt.ours {
				through(other)
			}
			proxy.mute.Store(false)
			c.leader(t, first, 1)
			<-sent
			until(t, "all are acknowledged", func() bool { return acknowledged() == len(want) })
			got, _ := storedIn(t, c.js, "S")
			expect(t, got, want)
			s := f.Stats()[0]
			balanced(t, s)
			if s.SentAgain == 0 {
				t.Errorf("nothing was sent again: %+v", s)
			}
		})
	}
}
