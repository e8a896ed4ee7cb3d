// Package client tests the proxy with Go's net/http.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// kind is one way to reach the proxy.
type kind struct {
	name, scheme, port, proto string
	protocols                 func(*http.Protocols)
}

var kinds = []kind{
	{"h1", "http", "E2E_WEB", "HTTP/1.1", func(p *http.Protocols) { p.SetHTTP1(true) }},
	{"h2c", "http", "E2E_WEB", "HTTP/2.0", func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }},
	{"tls-h1", "https", "E2E_WEBSECURE", "HTTP/1.1", func(p *http.Protocols) { p.SetHTTP1(true) }},
	{"tls-h2", "https", "E2E_WEBSECURE", "HTTP/2.0", func(p *http.Protocols) { p.SetHTTP2(true) }},
}

// backends are hosts whose servers speak HTTP/1.1, h2c and HTTPS to the proxy.
var backends = []string{"web.e2e.test", "h2c.e2e.test", "secure.e2e.test"}

func env(t *testing.T, name string) string {
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: these tests are started by e2e/run", name)
	}
	return value
}

func (k kind) client(t *testing.T) *http.Client {
	pem, err := os.ReadFile(env(t, "E2E_CA"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in E2E_CA")
	}
	address := net.JoinHostPort("127.0.0.1", env(t, k.port))
	protocols := new(http.Protocols)
	k.protocols(protocols)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig:       &tls.Config{RootCAs: roots},
		Protocols:             protocols,
		ExpectContinueTimeout: 10 * time.Second,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

type check func(t *testing.T, client *http.Client, base string, k kind)

// everywhere runs a test for each way in and each kind of backend.
func everywhere(t *testing.T, test check) {
	over(t, "HTTP/", test)
}

// over does the same only for ways in by a protocol that begins so.
func over(t *testing.T, proto string, test check) {
	for _, k := range kinds {
		if !strings.HasPrefix(k.proto, proto) {
			continue
		}
		for _, host := range backends {
			t.Run(k.name+"/"+host, func(t *testing.T) { test(t, k.client(t), k.scheme+"://"+host, k) })
		}
	}
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, []byte) {
	t.Helper()
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return response, all(t, response)
}

func all(t *testing.T, response *http.Response) []byte {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestBodiesOfAllSizesArriveWhole(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, k kind) {
		for _, size := range []int{0, 1, 16384, 16385, 1 << 20} {
			response, body := get(t, client, fmt.Sprintf("%s/bytes/%d", base, size))
			if response.StatusCode != 200 || len(body) != size || response.ContentLength != int64(size) {
				t.Errorf("size %d: status %d, %d bytes, length %d", size, response.StatusCode, len(body), response.ContentLength)
			}
			if response.Proto != k.proto {
				t.Errorf("spoke %s", response.Proto)
			}
		}
	})
}

func TestUploadsComeBackWithTheirTrailer(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, _ kind) {
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		response, err := client.Post(base+"/echo", "application/x-test", bytes.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		if body := all(t, response); !bytes.Equal(body, sent) {
			t.Errorf("got %d of %d bytes", len(body), len(sent))
		}
		if got := response.Trailer.Get("X-Bytes"); got != "1048576" {
			t.Errorf("trailer X-Bytes is %q", got)
		}
		if got := response.Header.Get("Content-Type"); got != "application/x-test" {
			t.Errorf("content type is %q", got)
		}
	})
}

func TestRequestTrailersReachTheBackend(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, _ kind) {
		request, _ := http.NewRequest("POST", base+"/request", io.NopCloser(strings.NewReader("body")))
		request.Trailer = http.Header{"X-Sum": {"42"}}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var seen struct {
			Trailers http.Header
			Bytes    int
		}
		if err := json.Unmarshal(all(t, response), &seen); err != nil {
			t.Fatal(err)
		}
		if seen.Trailers.Get("X-Sum") != "42" || seen.Bytes != 4 {
			t.Errorf("the backend saw %+v", seen)
		}
	})
}

func TestBothDirectionsStreamAtOnce(t *testing.T) {
	// Go's HTTP/1.1 client reads no answer before it has sent the request.
	over(t, "HTTP/2", func(t *testing.T, client *http.Client, base string, _ kind) {
		reader, writer := io.Pipe()
		response, err := client.Post(base+"/echo", "text/plain", reader)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		for i := range 20 {
			sent := fmt.Sprintf("message %02d", i)
			if _, err := io.WriteString(writer, sent); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(sent))
			if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != sent {
				t.Fatalf("got %q, %v", got, err)
			}
		}
		writer.Close()
		if rest := all(t, response); len(rest) != 0 {
			t.Errorf("%d bytes too many", len(rest))
		}
	})
}

func TestEarlyHintsArriveBeforeTheAnswer(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, _ kind) {
		var links []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			links = append(links, fmt.Sprint(code, header.Get("Link")))
			return nil
		}}
		request, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", base+"/hints", nil)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if body := all(t, response); string(body) != "hinted\n" {
			t.Errorf("body %q", body)
		}
		if len(links) != 1 || links[0] != "103</style.css>; rel=preload" {
			t.Errorf("interim answers: %q", links)
		}
		if response.Header.Get("Link") != "" {
			t.Errorf("the interim answer's header leaked into the final one")
		}
	})
}

func TestContinueIsAskedForAndGiven(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, _ kind) {
		continued := false
		trace := &httptrace.ClientTrace{Got100Continue: func() { continued = true }}
		request, _ := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", base+"/request", strings.NewReader("body"))
		request.Header.Set("Expect", "100-continue")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		all(t, response)
		if response.StatusCode != 200 || !continued {
			t.Errorf("status %d, continued %v", response.StatusCode, continued)
		}
	})
}

func TestAnAnswerBeforeTheBodyIsReadIsKept(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, _ kind) {
		request, _ := http.NewRequest("POST", base+"/refuse", bytes.NewReader(make([]byte, 1<<20)))
		request.Header.Set("Expect", "100-continue")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if body := all(t, response); response.StatusCode != 413 || string(body) != "too large\n" {
			t.Errorf("status %d, body %q", response.StatusCode, body)
		}
	})
}

func TestACancelledRequestIsCancelledAtTheBackend(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, _ kind) {
		id := strings.ReplaceAll(t.Name(), "/", "-")
		ctx, cancel := context.WithCancel(t.Context())
		request, _ := http.NewRequestWithContext(ctx, "GET", base+"/wait/"+id, nil)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		started := make([]byte, 8)
		if _, err := io.ReadFull(response.Body, started); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(response.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("reading on gave %v", err)
		}
		response.Body.Close()
		if seen, body := get(t, client, base+"/cancelled/"+id); seen.StatusCode != 200 {
			t.Errorf("the backend did not see it: %d %q", seen.StatusCode, body)
		}
	})
}

func TestForwardedHeadersAndHostAreSet(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, k kind) {
		_, body := get(t, client, base+"/request?a=b%2Fc&d")
		var seen struct {
			Uri, Host string
			Headers   http.Header
		}
		if err := json.Unmarshal(body, &seen); err != nil {
			t.Fatal(err)
		}
		host := strings.TrimPrefix(base, k.scheme+"://")
		if seen.Uri != "/request?a=b%2Fc&d" || seen.Host != host {
			t.Errorf("asked for %s of %s", seen.Uri, seen.Host)
		}
		for name, want := range map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1",
			"X-Forwarded-Proto": k.scheme, "X-Forwarded-Host": host,
		} {
			if got := seen.Headers.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %q, not %q", name, got, want)
			}
		}
	})
}

func TestManyRequestsAtOnceAreAllAnswered(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, _ kind) {
		var group sync.WaitGroup
		for i := range 200 {
			group.Add(1)
			go func() {
				defer group.Done()
				response, err := client.Get(fmt.Sprintf("%s/bytes/%d", base, i*100))
				if err != nil {
					t.Error(err)
					return
				}
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				if err != nil || len(body) != i*100 {
					t.Errorf("request %d: %d bytes, %v", i, len(body), err)
				}
			}()
		}
		group.Wait()
	})
}

func TestStatusesWithoutBodyAndHeadHaveNone(t *testing.T) {
	everywhere(t, func(t *testing.T, client *http.Client, base string, _ kind) {
		for _, code := range []int{204, 304} {
			response, body := get(t, client, fmt.Sprintf("%s/status/%d", base, code))
			if response.StatusCode != code || len(body) != 0 {
				t.Errorf("status %d: got %d, %q", code, response.StatusCode, body)
			}
		}
		response, err := client.Head(base + "/bytes/1000")
		if err != nil {
			t.Fatal(err)
		}
		if body := all(t, response); len(body) != 0 || response.ContentLength != 1000 {
			t.Errorf("HEAD: %d bytes, length %d", len(body), response.ContentLength)
		}
	})
}
