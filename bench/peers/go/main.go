// The replaced service's way in Go: every request reads the registry's JSON files.
//
//	main REGISTRY SOCKET
package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

type device struct {
	UUID   string `json:"uuid"`
	UserID int64  `json:"user_id"`
	Device string `json:"device"`
	Status string `json:"status"`
}

type user struct {
	Status    string   `json:"status"`
	CoreNodes []string `json:"core_nodes"`
}

type route struct {
	EntryIP string `json:"entry_ip"`
	Service string `json:"client_service_name"`
	Status  string `json:"status"`
}

type domain struct {
	Domain string `json:"domain"`
	NodeIP string `json:"node_ip"`
	Status string `json:"status"`
}

var (
	registry    string
	uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	errNothing  = errors.New("nothing to serve")
)

func read(kind, name string, into any) error {
	content, err := os.ReadFile(filepath.Join(registry, kind, name))
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

// The names in a kind's directory that end so, sorted.
func list(kind, end string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(registry, kind))
	var names []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), end) {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// The first domain of each entry.
func domains() (map[string]string, error) {
	names, err := list("domains", ".json")
	if err != nil {
		return nil, err
	}
	found := make(map[string]string, len(names))
	for _, name := range names {
		var d domain
		if err := read("domains", name, &d); err != nil {
			return nil, err
		}
		if _, taken := found[d.NodeIP]; d.Status == "active" && !taken {
			found[d.NodeIP] = d.Domain
		}
	}
	return found, nil
}

func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

func link(d *device, r *route, domain string) string {
	return "vless://" + d.UUID + "@" + domain + ":443?type=grpc&encryption=none&serviceName=" +
		escape(r.Service) + "&security=tls&sni=" + domain + "&fp=chrome&alpn=h2#" +
		escape(d.Device+" "+domain)
}

func links(id string) ([]string, error) {
	var d device
	var u user
	if err := read("devices", id+".json", &d); err != nil {
		return nil, err
	}
	if err := read("users", strconv.FormatInt(d.UserID, 10)+".json", &u); err != nil {
		return nil, err
	}
	if d.Status != "active" || u.Status != "active" {
		return nil, errNothing
	}
	found, err := domains()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, core := range u.CoreNodes {
		names, err := list("routes", "_core_"+core+".json")
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			var r route
			if err := read("routes", name, &r); err != nil {
				return nil, err
			}
			if domain, ok := found[r.EntryIP]; ok && r.Status == "active" {
				all = append(all, link(&d, &r, domain))
			}
		}
	}
	if len(all) == 0 {
		return nil, errNothing
	}
	return all, nil
}

func serve(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, "/api/")
	if !uuidPattern.MatchString(id) {
		http.NotFound(w, r)
		return
	}
	all, err := links(id)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	body := base64.StdEncoding.EncodeToString([]byte(strings.Join(all, "\n")))
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	// Without it, net/http sends what is longer than 2 KB in chunks.
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	io.WriteString(w, body)
}

func main() {
	registry = os.Args[1]
	listener, err := net.Listen("unix", os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/api/", serve)
	log.Fatal(http.Serve(listener, nil))
}
