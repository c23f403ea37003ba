// Receives Hookline's webhooks with the standard library, and prints a line for each.
//
//	HOOKLINE_SECRET=whsec_… PORT=3000 go run .
//
// During a rotation HOOKLINE_SECRET holds both secrets, with a comma between them. An endpoint that signs with a key (v1a) has its
// public half, whpk_…, in HOOKLINE_PUBLIC_KEY.
package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	maxBodyBytes = 1 << 20
	// Most signatures of a request that are compared.
	maxSignatures = 8
	// Most seconds that the time of a request may be off ours.
	toleranceSeconds = 300
	// Ids that are remembered.
	maxIDs = 10_000
	// Version of the schemas that this program reads.
	schemaVersion = 1
)

// Keys of the endpoint: several while one replaces another.
type Keys struct {
	Secrets [][]byte
	Public  []ed25519.PublicKey
}

// Head is what an event of every version has.
type Head struct {
	ID, Type string
	Version  uint64
}

// Event has the fields that this program needs; it must accept others, which may be added.
type Event struct {
	Head
	Store   struct{ Source, ID string }
	Subject struct {
		Kind, ID string
		Version  *string
	}
	SessionID *string `json:"session_id"`
	Data      json.RawMessage
}

// Receiver remembers, in the memory of this process, what it has handled.
type Receiver struct {
	keys Keys
	mu   sync.Mutex
	// Ids of handled events, and their order. In production: a table with a unique key, written in the transaction that handles
	// the event.
	seen  map[string]bool
	order []string
	// Newest version of each thing. In production: a column of the thing's own row, and
	// UPDATE … SET version = $1 WHERE id = $2 AND version <= $1.
	newest map[string]uint64
}

// refusal is a status and the reason for it: headers, timestamp, signature, size or body.
type refusal struct {
	status int
	reason string
}

func (r refusal) Error() string { return r.reason }

var plainSeconds = regexp.MustCompile(`^[1-9][0-9]{0,14}$`)

// verify checks that the body, byte for byte, is Hookline's, and was sent now.
func (k Keys) verify(header http.Header, body []byte, now time.Time) error {
	id, timestamp, signatures := header.Get("webhook-id"), header.Get("webhook-timestamp"), header.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return refusal{http.StatusForbidden, "headers"}
	}
	if !plainSeconds.MatchString(timestamp) {
		return refusal{http.StatusForbidden, "timestamp"}
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if off := now.Unix() - seconds; err != nil || off > toleranceSeconds || off < -toleranceSeconds {
		return refusal{http.StatusForbidden, "timestamp"}
	}
	signed := append([]byte(id+"."+timestamp+"."), body...)
	if !k.signed(signed, signatures) {
		return refusal{http.StatusForbidden, "signature"}
	}
	return nil
}

// signed returns true if one of the signatures is right.
func (k Keys) signed(signed []byte, signatures string) bool {
	compared := 0
	for _, each := range strings.Split(signatures, " ") {
		version, text, _ := strings.Cut(each, ",")
		if version != "v1" && version != "v1a" {
			continue
		}
		if compared++; compared > maxSignatures {
			return false
		}
		signature, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			continue
		}
		if version == "v1" {
			for _, secret := range k.Secrets {
				mac := hmac.New(sha256.New, secret)
				mac.Write(signed)
				// Compares in constant time.
				if hmac.Equal(mac.Sum(nil), signature) {
					return true
				}
			}
			continue
		}
		for _, public := range k.Public {
			if ed25519.Verify(public, signed, signature) {
				return true
			}
		}
	}
	return false
}

// read returns the event in a body. Of a later version only its head is known.
func read(body []byte) (Event, error) {
	var event Event
	// encoding/json replaces bytes that are not UTF-8.
	isEvent := utf8.Valid(body) && json.Unmarshal(body, &event.Head) == nil
	if !isEvent || event.ID == "" || event.Type == "" || event.Version < 1 {
		return event, refusal{http.StatusBadRequest, "body"}
	}
	if event.Version > schemaVersion {
		return event, nil
	}
	isEvent = json.Unmarshal(body, &event) == nil
	if !isEvent || event.Store.Source == "" || event.Store.ID == "" || event.Subject.Kind == "" || event.Subject.ID == "" {
		return event, refusal{http.StatusBadRequest, "body"}
	}
	return event, nil
}

// receive handles an event once, and no older state after a newer one. It prints what it did with it.
func (r *Receiver) receive(id string, event Event) error {
	// A copy that arrives meanwhile waits.
	r.mu.Lock()
	defer r.mu.Unlock()
	handle := handlers[event.Type]
	switch {
	case event.Version > schemaVersion:
		fmt.Println("skipped: version")
		return nil
	case handle == nil:
		fmt.Println("skipped: type")
		return nil
	case r.seen[id]:
		fmt.Println("skipped: seen")
		return nil
	}
	isOlder, err := r.isOlder(event)
	if err != nil {
		return err
	}
	if isOlder {
		fmt.Println("skipped: older")
	} else if err := handle(event); err != nil {
		// Not remembered: it is sent again.
		return err
	}
	r.remember(id)
	return nil
}

func (r *Receiver) isOlder(event Event) (bool, error) {
	subject := event.Subject
	if subject.Version == nil {
		return false, nil
	}
	version, err := strconv.ParseUint(*subject.Version, 10, 64)
	if err != nil {
		return false, refusal{http.StatusBadRequest, "body"}
	}
	key := fmt.Sprintf("%q", []string{event.Store.Source, event.Store.ID, subject.Kind, subject.ID})
	// Two events of one state have the same version.
	if version < r.newest[key] {
		return true, nil
	}
	r.newest[key] = version
	return false, nil
}

func (r *Receiver) remember(id string) {
	r.seen[id] = true
	r.order = append(r.order, id)
	if len(r.order) > maxIDs {
		delete(r.seen, r.order[0])
		r.order = r.order[1:]
	}
}

// ServeHTTP answers 204, or 400, 403, 405, 413 with the reason. After any other status than 2xx the event is sent again.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	var refused refusal
	switch err := r.take(w, request); {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.As(err, &refused):
		fmt.Println("refused:", refused.reason)
		http.Error(w, refused.reason, refused.status)
	default:
		fmt.Println("failed:", err)
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// take reads, verifies and handles a request, in this order.
func (r *Receiver) take(w http.ResponseWriter, request *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBodyBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refusal{http.StatusRequestEntityTooLarge, "size"}
	}
	if err != nil {
		return err
	}
	if err := r.keys.verify(request.Header, body, time.Now()); err != nil {
		return err
	}
	event, err := read(body)
	if err != nil {
		return err
	}
	return r.receive(request.Header.Get("webhook-id"), event)
}

// handlers by type of event; all others are skipped. Answer first, work afterwards: put the event on a queue here. After an error the
// event is sent again.
var handlers = map[string]func(Event) error{
	"inventory.updated":  printEvent, // a product's availability or a quantity changed
	"checkout.completed": printEvent, // an order came out of a chat session or a checkout
	"product.created":    printEvent,
	"product.updated":    printEvent,
	"product.deleted":    printEvent,
}

func printEvent(event Event) error {
	fmt.Printf("handled: %s %s/%s\n", event.Type, event.Subject.Kind, event.Subject.ID)
	return nil
}

// readKeys reads texts with commas between them, each a prefix and base64.
func readKeys(variable, prefix string, min, max int) ([][]byte, error) {
	var keys [][]byte
	for _, text := range strings.Split(os.Getenv(variable), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, prefix))
		if err != nil || len(key) < min || len(key) > max {
			return nil, fmt.Errorf("%s is not %q and base64, as Hookline shows it when an endpoint is created", variable, prefix)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func main() {
	secrets, err := readKeys("HOOKLINE_SECRET", "whsec_", 24, 64)
	if err != nil {
		log.Fatal(err)
	}
	public, err := readKeys("HOOKLINE_PUBLIC_KEY", "whpk_", ed25519.PublicKeySize, ed25519.PublicKeySize)
	if err != nil {
		log.Fatal(err)
	}
	keys := Keys{Secrets: secrets}
	for _, key := range public {
		keys.Public = append(keys.Public, key)
	}
	if len(secrets)+len(public) == 0 {
		log.Fatal("HOOKLINE_SECRET is missing: set it to the secret of the endpoint")
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "3000"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s/webhooks\n", listener.Addr())
	receiver := &Receiver{keys: keys, seen: map[string]bool{}, newest: map[string]uint64{}}
	server := http.Server{Handler: receiver, ReadTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}
