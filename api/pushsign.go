package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalcraft/signalcraft/api/store"
)

// signatureTime is how far the time of a signature may be off.
const signatureTime = 5 * time.Minute

// maxSignatures is how many signatures a header may hold.
const maxSignatures = 4

// pushPrefix begins the names of push keys among a source's secrets.
const pushPrefix = "push/"

// signature is what the header of a push says.
type signature struct {
	at   time.Time
	text string // the time as it was signed
	sums [][]byte
}

// parseSignature reads "t=1774872000,v1=<hex>", strictly: one time, one to four signatures, nothing else.
func parseSignature(header string) (signature, bool) {
	var s signature
	for _, part := range strings.Split(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.TrimSpace(name) {
		case "t":
			seconds, err := strconv.ParseUint(value, 10, 40)
			if err != nil || s.text != "" || strconv.FormatUint(seconds, 10) != value {
				return s, false
			}
			s.at, s.text = time.Unix(int64(seconds), 0), value
		case "v1":
			sum, err := hex.DecodeString(value)
			if err != nil || len(sum) != sha256.Size || len(s.sums) == maxSignatures {
				return s, false
			}
			s.sums = append(s.sums, sum)
		default:
			return s, false
		}
	}
	return s, s.text != "" && len(s.sums) > 0
}

// matches reports whether key made one of the signatures of body, in a time that does not depend on which.
func (s signature) matches(key, body []byte) bool {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(s.text + "."))
	mac.Write(body)
	want, found := mac.Sum(nil), false
	for _, sum := range s.sums {
		found = hmac.Equal(sum, want) || found
	}
	return found
}

// digestOf is by what a request is known again: all that was signed, and not which key signed it.
func digestOf(header string, body []byte) []byte {
	s, _ := parseSignature(header)
	hash := sha256.New()
	hash.Write([]byte(s.text + "."))
	hash.Write(body)
	return hash.Sum(nil)
}

// newPushKey makes a key, adds it sealed to c and returns it.
func (s *service) newPushKey(c *store.SourceChange) (string, error) {
	key, name := makePushKey()
	if c.Sealed == nil {
		c.Sealed = map[string]string{}
	}
	c.Sealed[name] = s.secrets.Seal(secretPurpose(c.ID, name), []byte(key))
	return key, nil
}

// makePushKey returns a key of 256 random bits and its name among the secrets.
func makePushKey() (key, name string) {
	var random [32]byte
	var id [4]byte
	rand.Read(random[:]) // never fails
	rand.Read(id[:])
	return "sck_" + base64.RawURLEncoding.EncodeToString(random[:]), pushPrefix + hex.EncodeToString(id[:])
}

type rotateKeyInput struct {
	ID   string `path:"id" doc:"Id of the source" format:"uuid" example:"0192f0c1-5555-7000-8000-000000000005"`
	Body *rotateKeyBody
}

type rotateKeyBody struct {
	OverlapHours *int `json:"overlap_hours,omitempty" doc:"Hours for which the keys before stay valid; 0 ends them at once" minimum:"0" maximum:"168" default:"24" example:"24"`
}

func (s *service) registerPushKeys() {
	register(s, huma.Operation{
		OperationID: "rotateSourceKey", Method: http.MethodPost, Path: "/data/sources/{id}/key", Tags: []string{"data"}, Summary: "Replace the key of a source that is pushed to",
		Description:   "Makes a new key and shows it once. The keys before stay valid for some hours, so that whoever pushes can change over; with 0 they end at once.",
		DefaultStatus: http.StatusCreated, Responses: failing(http.StatusConflict),
	}, s.rotateSourceKey)
}

func (s *service) rotateSourceKey(ctx context.Context, in *rotateKeyInput) (*sourceOutput, error) {
	business, id, err := s.home(ctx, store.HomeSources, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := &sourceOutput{}
	err = s.inBusiness(ctx, business, func(t *store.MemberTx) error {
		source, err := t.Source(ctx, id)
		if err != nil {
			return err
		}
		if source.Kind != kindPush {
			return problem(ctx, http.StatusConflict, codeNotReadable, "Only sources of kind push have keys.")
		}
		if s.secrets == nil {
			return withoutSources(ctx)
		}
		hours := 24
		if in.Body != nil && in.Body.OverlapHours != nil {
			hours = *in.Body.OverlapHours
		}
		key, name := makePushKey()
		now := s.clock()
		sealed := s.secrets.Seal(secretPurpose(id, name), []byte(key))
		if err := t.RotateKey(ctx, id, name, sealed, now, now.Add(time.Duration(hours)*time.Hour)); err != nil {
			return err
		}
		note(ctx, id.String(), map[string]any{"key": strings.TrimPrefix(name, pushPrefix), "overlap_hours": hours})
		if out.Body, err = s.showStored(ctx, t, id); err != nil {
			return err
		}
		out.Body.PushKey = key
		return nil
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return out, nil
}
