// Backend is what the client tests talk to through the proxy: HTTP/1.1 and HTTP/2 without TLS on
// one port, both with TLS on another. It prints the two addresses and serves until it is ended.
//
// Arguments: certificate and key of the TLS port.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello\n") })
	mux.HandleFunc("/request", request)
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/bytes/{count}", bytes)
	mux.HandleFunc("/status/{code}", status)
	mux.HandleFunc("/hints", hints)
	mux.HandleFunc("/refuse", refuse)
	waits := &waits{done: map[string]chan struct{}{}}
	mux.HandleFunc("/wait/{id}", waits.wait)
	mux.HandleFunc("/cancelled/{id}", waits.cancelled)

	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: mux, Protocols: protocols}
	plain, secure := listen(), listen()
	fmt.Println(plain.Addr(), secure.Addr())
	go func() { log.Fatal(server.ServeTLS(secure, os.Args[1], os.Args[2])) }()
	log.Fatal(server.Serve(plain))
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	return listener
}

// request answers with what arrived, as JSON; trailers are there because the body is read first.
func request(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"method": r.Method, "uri": r.RequestURI, "host": r.Host, "proto": r.Proto, "headers": r.Header,
		"trailers": r.Trailer, "length": r.ContentLength, "bytes": len(body),
	})
}

// echo sends each piece of the body back as it comes, and its length as a trailer. The head of the
// answer goes out before a body of unknown length, whose sender may wait for it; not before one of
// known length, for whose sender an early answer in place of 100 could mean that the body is not
// wanted.
func echo(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if r.ProtoMajor == 1 {
		control.EnableFullDuplex()
	}
	w.Header().Set("Trailer", "X-Bytes")
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	if r.ContentLength < 0 {
		w.WriteHeader(http.StatusOK)
		control.Flush()
	}
	total, buffer := 0, make([]byte, 64*1024)
	for {
		count, err := r.Body.Read(buffer)
		total += count
		w.Write(buffer[:count])
		control.Flush()
		if err != nil {
			break
		}
	}
	w.Header().Set("X-Bytes", strconv.Itoa(total))
}

func bytes(w http.ResponseWriter, r *http.Request) {
	count, err := strconv.Atoi(r.PathValue("count"))
	if err != nil {
		http.Error(w, "not a number", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(count))
	piece := make([]byte, 32*1024)
	for i := range piece {
		piece[i] = byte('a' + i%26)
	}
	for count > 0 {
		written, err := w.Write(piece[:min(count, len(piece))])
		if err != nil {
			return
		}
		count -= written
	}
}

func status(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(r.PathValue("code"))
	if err != nil {
		http.Error(w, "not a number", http.StatusBadRequest)
		return
	}
	w.WriteHeader(code)
}

// hints sends an interim answer before the real one.
func hints(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload")
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Del("Link")
	io.WriteString(w, "hinted\n")
}

// refuse answers without reading the body, as a server does that doesn't want it.
func refuse(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "too large", http.StatusRequestEntityTooLarge)
}

// waits knows which requests were given up by their client.
type waits struct {
	lock sync.Mutex
	done map[string]chan struct{}
}

func (w *waits) of(id string) chan struct{} {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.done[id] == nil {
		w.done[id] = make(chan struct{})
	}
	return w.done[id]
}

// wait begins an answer and never ends it; it returns when the client has gone away.
func (w *waits) wait(out http.ResponseWriter, r *http.Request) {
	io.WriteString(out, "started\n")
	http.NewResponseController(out).Flush()
	<-r.Context().Done()
	close(w.of(r.PathValue("id")))
}

// cancelled answers as soon as the wait of that id has been given up, or 504 if it never is.
func (w *waits) cancelled(out http.ResponseWriter, r *http.Request) {
	select {
	case <-w.of(r.PathValue("id")):
		io.WriteString(out, "cancelled\n")
	case <-time.After(10 * time.Second):
		out.WriteHeader(http.StatusGatewayTimeout)
	}
}
